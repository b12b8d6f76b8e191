// What the prober's UDP packets say. A question is a token and padding up to the wanted size; the
// answer repeats the token and says where the question seemed to come from and how long it was. The
// answer is short whatever the question's size, so that one probe tests one direction's MTU. Pure.

import type { Ip } from '../../net/ip.ts';
import { ipFromBytes, ipToBytes } from '../../net/ip.ts';

const MAGIC = 0x50504c50;
const QUESTION = 1;
const ANSWER = 2;
const HEADER_BYTES = 12;
/** A question is at least this long. */
export const QUESTION_BYTES_MIN = HEADER_BYTES;

export type UdpQuestion = {
  readonly kind: 'question';
  /** Tells the questions of one prober apart. */
  readonly token: number;
  readonly sizeBytes: number;
};

export type UdpAnswer = {
  readonly kind: 'answer';
  readonly token: number;
  readonly seenSource: Ip;
  readonly seenBytes: number;
};

function header(kind: number, token: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt16BE(kind, 4);
  bytes.writeUInt32BE(token, 8);
  return bytes;
}

export const encodeQuestion = (token: number, sizeBytes: number): Buffer =>
  header(QUESTION, token, Math.max(sizeBytes, QUESTION_BYTES_MIN));

export function encodeAnswer(answer: Omit<UdpAnswer, 'kind'>): Buffer {
  const source = ipToBytes(answer.seenSource);
  const bytes = header(ANSWER, answer.token, HEADER_BYTES + 4 + source.length);
  bytes.writeUInt32BE(answer.seenBytes, HEADER_BYTES);
  bytes.set(source, HEADER_BYTES + 4);
  return bytes;
}

/** `undefined` for a packet that is not the prober's. */
export function decodeMessage(bytes: Buffer): UdpQuestion | UdpAnswer | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32BE(0) !== MAGIC) return undefined;
  const kind = bytes.readUInt16BE(4);
  const token = bytes.readUInt32BE(8);
  if (kind === QUESTION) return { kind: 'question', token, sizeBytes: bytes.length };
  const source = bytes.subarray(HEADER_BYTES + 4);
  if (kind !== ANSWER || (source.length !== 4 && source.length !== 16)) return undefined;
  return {
    kind: 'answer',
    token,
    seenSource: ipFromBytes(source),
    seenBytes: bytes.readUInt32BE(HEADER_BYTES),
  };
}
