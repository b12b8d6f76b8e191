// How the kernel ends a request: NLMSG_ERROR (an acknowledgement when its number is 0) and
// NLMSG_DONE, both with the text of the extended acknowledgement where there is one
// (linux/netlink.h, net/netlink/af_netlink.c). A dump that fails says so in NLMSG_DONE.

import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_HDRLEN } from './constants.ts';
import type { MessageCursor } from './cursor.ts';
import { AttributeCursor } from './cursor.ts';
import { DecodeError } from './decode-error.ts';
import { align4 } from './message.ts';

const NLMSGERR_ATTR_MSG = 1;

export type Answer = {
  /** errno, 0 for success. */
  readonly errno: number;
  /** The kernel's own words, '' when it has none. */
  readonly text: string;
};

const SUCCESS: Answer = { errno: 0, text: '' };

export function decodeAnswer(message: MessageCursor): Answer {
  // The kernel always sends the number; a DONE without one is a success.
  if (message.type === NLMSG_DONE && message.end - message.bodyStart < 4) return SUCCESS;
  const header = message.header(4);
  const errno = -message.bytes.readInt32LE(header);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return errno === 0 ? SUCCESS : { errno, text: '' };
  return { errno, text: extendedText(message, header + 4) };
}

/** Behind the number an ERROR repeats the request's header, or all of it unless it is capped. */
function extendedText(message: MessageCursor, behindNumber: number): string {
  let start = behindNumber;
  if (message.type !== NLMSG_DONE) {
    const repeated = message.header(4 + NLMSG_HDRLEN) + 4;
    const lengthBytes =
      (message.flags & NLM_F_CAPPED) === 0 ? message.bytes.readUInt32LE(repeated) : NLMSG_HDRLEN;
    if (lengthBytes > message.end - repeated) {
      throw new DecodeError(`an answer repeats ${lengthBytes} bytes that it does not have`);
    }
    start = repeated + align4(lengthBytes);
  }
  if (start >= message.end) return '';
  const attributes = new AttributeCursor(message, start, message.end);
  while (attributes.next()) if (attributes.type === NLMSGERR_ATTR_MSG) return attributes.string();
  return '';
}
