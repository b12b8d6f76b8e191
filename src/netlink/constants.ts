// Numbers that every netlink family shares, with the kernel's own names (linux/netlink.h,
// linux/socket.h). Numbers of one message only are in that message's file.

export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;

export const NLMSG_HDRLEN = 16;
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
/** Of a GET request: NLM_F_ROOT | NLM_F_MATCH. */
const NLM_F_DUMP = 0x300;
/** Of a NEW request. */
const NLM_F_REPLACE = 0x100;
const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** Of an NLMSG_ERROR: the request is not repeated in it; extended-ack attributes follow. */
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;

/** NLA_F_NESTED | NLA_F_NET_BYTEORDER, which are no part of an attribute's type. */
export const NLA_TYPE_MASK = 0x3fff;
export const NLA_F_NESTED = 0x8000;

/** The flags of the requests that change objects. */
export const ADD = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
export const REPLACE = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
export const CHANGE = NLM_F_REQUEST | NLM_F_ACK;
export const REMOVE = NLM_F_REQUEST | NLM_F_ACK;
export const DUMP = NLM_F_REQUEST | NLM_F_DUMP;
