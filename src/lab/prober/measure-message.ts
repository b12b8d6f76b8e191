// What the packets of a measurement say: a question from one pod to another, or its answer; which
// measurement it is of, in which direction it goes, and its number there. Questions and answers are
// equally long and are numbered alike, since either can get lost. Pure.

const MAGIC = 0x50504c4d;
const QUESTION = 1;
const ANSWER = 2;
/** A small packet: what is measured is whether it arrives. */
const MESSAGE_BYTES = 64;

export type MeasureMessage = {
  readonly kind: 'question' | 'answer';
  /** Packets of another measurement, or from before it was begun, are told apart by it. */
  readonly run: number;
  readonly direction: number;
  readonly sequence: number;
};

export function encodeMeasureMessage(message: MeasureMessage): Buffer {
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt32BE(message.kind === 'question' ? QUESTION : ANSWER, 4);
  bytes.writeUInt32BE(message.run, 8);
  bytes.writeUInt32BE(message.direction, 12);
  bytes.writeUInt32BE(message.sequence, 16);
  return bytes;
}

/** `undefined` for a packet that is not of a measurement. */
export function decodeMeasureMessage(bytes: Buffer): MeasureMessage | undefined {
  if (bytes.length !== MESSAGE_BYTES || bytes.readUInt32BE(0) !== MAGIC) return undefined;
  const kind = bytes.readUInt32BE(4);
  if (kind !== QUESTION && kind !== ANSWER) return undefined;
  return {
    kind: kind === QUESTION ? 'question' : 'answer',
    run: bytes.readUInt32BE(8),
    direction: bytes.readUInt32BE(12),
    sequence: bytes.readUInt32BE(16),
  };
}
