// RTM_*QDISC: queueing disciplines (linux/pkt_sched.h, net/sched). Poplin makes two kinds: `tbf`,
// a token bucket that bounds what a link sends, and `clsact`, which does nothing itself but is
// where filters of what a link receives are put (filter.ts).

import type { AttributeCursor, MessageCursor } from './cursor.ts';
import type { MessageWriter } from './message.ts';

export const RTM_NEWQDISC = 36;
export const RTM_DELQDISC = 37;
const RTM_GETQDISC = 38;

export const TCMSG_BYTES = 20;
export const TC_H_ROOT = 0xffffffff;
/** The place of both `ingress` and `clsact`, and the number that both of them have. */
const TC_H_CLSACT = 0xfffffff1;
const CLSACT_HANDLE = 0xffff0000;

const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_TBF_PARMS = 1;
const TCA_TBF_RATE64 = 4;
const TCA_TBF_BURST = 6;
const TC_LINKLAYER_ETHERNET = 1;
const U32_MAX = 0xffffffff;
/** struct tc_tbf_qopt: two rates of 12 bytes, then limit, buffer and MTU. */
const TBF_QOPT_BYTES = 36;
const LIMIT_OFFSET = 24;
const BUFFER_OFFSET = 28;
/** PSCHED_SHIFT: the kernel tells a bucket as the time in which it fills, in units of 64 ns. */
const NANOSECONDS_PER_TICK = 64;

export type TokenBucket = {
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  /** What may wait. */
  readonly limitBytes: number;
};

export type QdiscMessage = {
  readonly linkIndex: number;
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
  /** Of a `tbf`. Its burst is exact to a unit of time, and what was left of very large ones. */
  readonly bucket?: TokenBucket;
};

type Request = { readonly type: number; readonly flags: number };

/** The head that messages of qdiscs and of filters have in common. */
export function writeTcHead(
  writer: MessageWriter,
  head: {
    readonly linkIndex: number;
    readonly handle: number;
    readonly parent: number;
    readonly info: number;
  },
): void {
  writer.u32(0);
  writer.u32(head.linkIndex);
  writer.u32(head.handle);
  writer.u32(head.parent);
  writer.u32(head.info);
}

export function encodeTokenBucket(
  writer: MessageWriter,
  request: Request,
  qdisc: { readonly linkIndex: number; readonly handle: number } & TokenBucket,
): number {
  const { linkIndex, handle, bytesPerSecond, burstBytes, limitBytes } = qdisc;
  const sequence = writer.begin(request.type, request.flags);
  writeTcHead(writer, { linkIndex, handle, parent: TC_H_ROOT, info: 0 });
  writer.attributeString(TCA_KIND, 'tbf');
  const options = writer.beginNested(TCA_OPTIONS);
  const parameters = Buffer.alloc(TBF_QOPT_BYTES);
  parameters.writeUInt8(TC_LINKLAYER_ETHERNET, 1);
  parameters.writeUInt32LE(Math.min(bytesPerSecond, U32_MAX), 8);
  parameters.writeUInt32LE(limitBytes, LIMIT_OFFSET);
  writer.attributeBytes(TCA_TBF_PARMS, parameters);
  if (bytesPerSecond > U32_MAX) {
    const rate = Buffer.alloc(8);
    rate.writeBigUInt64LE(BigInt(bytesPerSecond));
    writer.attributeBytes(TCA_TBF_RATE64, rate);
  }
  writer.attributeU32(TCA_TBF_BURST, burstBytes);
  writer.endNested(options);
  writer.end();
  return sequence;
}

export function encodeClsact(writer: MessageWriter, request: Request, linkIndex: number): number {
  const sequence = writer.begin(request.type, request.flags);
  writeTcHead(writer, { linkIndex, handle: CLSACT_HANDLE, parent: TC_H_CLSACT, info: 0 });
  writer.attributeString(TCA_KIND, 'clsact');
  writer.end();
  return sequence;
}

/** The one at a link's root, whatever it is. */
export function encodeRootRemoval(
  writer: MessageWriter,
  flags: number,
  qdisc: { readonly linkIndex: number; readonly handle: number },
): number {
  const sequence = writer.begin(RTM_DELQDISC, flags);
  writeTcHead(writer, { ...qdisc, parent: TC_H_ROOT, info: 0 });
  writer.end();
  return sequence;
}

/** All of all links. */
export function encodeQdiscDump(writer: MessageWriter, flags: number): number {
  const sequence = writer.begin(RTM_GETQDISC, flags);
  writeTcHead(writer, { linkIndex: 0, handle: 0, parent: 0, info: 0 });
  writer.end();
  return sequence;
}

/** Also of a filter's message. */
export const tcLinkOf = (message: MessageCursor): number =>
  message.bytes.readInt32LE(message.header(TCMSG_BYTES) + 4);

/** Whether filters of what the link receives can be there. */
export const isFilterPlace = ({ parent }: QdiscMessage): boolean => parent === TC_H_CLSACT;

export function decodeQdisc(message: MessageCursor): QdiscMessage {
  const header = message.header(TCMSG_BYTES);
  const qdisc: { -readonly [Key in keyof QdiscMessage]: QdiscMessage[Key] } = {
    linkIndex: tcLinkOf(message),
    kind: '',
    handle: message.bytes.readUInt32LE(header + 8),
    parent: message.bytes.readUInt32LE(header + 12),
  };
  const attributes = message.attributes(TCMSG_BYTES);
  while (attributes.next()) {
    if (attributes.type === TCA_KIND) qdisc.kind = attributes.string();
    // The kernel puts the kind before the options (tc_fill_qdisc).
    else if (attributes.type === TCA_OPTIONS && qdisc.kind === 'tbf') {
      const bucket = decodeTokenBucket(attributes.nested());
      if (bucket !== undefined) qdisc.bucket = bucket;
    }
  }
  return qdisc;
}

function decodeTokenBucket(options: AttributeCursor): TokenBucket | undefined {
  let parameters: Buffer | undefined;
  let largeRate: bigint | undefined;
  while (options.next()) {
    if (options.type === TCA_TBF_PARMS) parameters = options.copy();
    else if (options.type === TCA_TBF_RATE64 && options.lengthBytes === 8) {
      largeRate = options.copy().readBigUInt64LE();
    }
  }
  if (parameters === undefined || parameters.length < TBF_QOPT_BYTES) return undefined;
  const bytesPerSecond = Number(largeRate ?? parameters.readUInt32LE(8));
  const seconds = (parameters.readUInt32LE(BUFFER_OFFSET) * NANOSECONDS_PER_TICK) / 1e9;
  const burstBytes = Math.round(seconds * bytesPerSecond);
  return { bytesPerSecond, burstBytes, limitBytes: parameters.readUInt32LE(LIMIT_OFFSET) };
}
