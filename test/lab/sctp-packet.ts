// SCTP packets by hand (RFC 9260 §3): an INIT and the INIT ACK to it, with the checksum that
// connection tracking looks at. The answer carries a text in its state cookie. Pure.

const HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 20;
const STATE_COOKIE = 7;
const CHUNKS: Readonly<Record<number, 'INIT' | 'INIT ACK'>> = { 1: 'INIT', 2: 'INIT ACK' };
const CASTAGNOLI = 0x82f63b78;

export type SctpPacket = {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly chunk: 'INIT' | 'INIT ACK';
  readonly initiateTag: number;
  readonly text: string;
};

type Head = Pick<SctpPacket, 'sourcePort' | 'destinationPort'>;

export const initPacket = (head: Head): Buffer =>
  render(head, { type: 1, verificationTag: 0, cookie: '' });

export const initAck = (init: SctpPacket, text: string): Buffer =>
  render(
    { sourcePort: init.destinationPort, destinationPort: init.sourcePort },
    { type: 2, verificationTag: init.initiateTag, cookie: text },
  );

export function parseSctp(bytes: Buffer): SctpPacket | undefined {
  if (bytes.length < HEADER_BYTES + CHUNK_HEADER_BYTES) return undefined;
  const chunk = CHUNKS[bytes.readUInt8(HEADER_BYTES)];
  if (chunk === undefined || checksum(bytes) !== bytes.readUInt32LE(8)) return undefined;
  const at = HEADER_BYTES + CHUNK_HEADER_BYTES;
  const hasCookie = bytes.length >= at + 4;
  return {
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    chunk,
    initiateTag: bytes.readUInt32BE(HEADER_BYTES + 4),
    text: hasCookie ? bytes.toString('utf8', at + 4, at + bytes.readUInt16BE(at + 2)) : '',
  };
}

function render(
  { sourcePort, destinationPort }: Head,
  { type, verificationTag, cookie }: { type: number; verificationTag: number; cookie: string },
): Buffer {
  const cookieBytes = cookie === '' ? 0 : 4 + Buffer.byteLength(cookie);
  const bytes = Buffer.alloc(HEADER_BYTES + CHUNK_HEADER_BYTES + ((cookieBytes + 3) & ~3));
  bytes.writeUInt16BE(sourcePort, 0);
  bytes.writeUInt16BE(destinationPort, 2);
  bytes.writeUInt32BE(verificationTag, 4);
  bytes.writeUInt8(type, HEADER_BYTES);
  bytes.writeUInt16BE(CHUNK_HEADER_BYTES + cookieBytes, HEADER_BYTES + 2);
  bytes.writeUInt32BE(0x1000 + sourcePort, HEADER_BYTES + 4);
  bytes.writeUInt32BE(0xffff, HEADER_BYTES + 8);
  bytes.writeUInt16BE(1, HEADER_BYTES + 12);
  bytes.writeUInt16BE(1, HEADER_BYTES + 14);
  bytes.writeUInt32BE(1, HEADER_BYTES + 16);
  if (cookieBytes > 0) {
    const at = HEADER_BYTES + CHUNK_HEADER_BYTES;
    bytes.writeUInt16BE(STATE_COOKIE, at);
    bytes.writeUInt16BE(cookieBytes, at + 2);
    bytes.write(cookie, at + 4);
  }
  bytes.writeUInt32LE(checksum(bytes), 8);
  return bytes;
}

/** CRC32c, with zeros in its own place. */
function checksum(bytes: Buffer): number {
  let sum = 0xffffffff;
  for (const [index, byte] of bytes.entries()) {
    sum ^= index >= 8 && index < HEADER_BYTES ? 0 : byte;
    for (let bit = 0; bit < 8; bit += 1) {
      sum = (sum & 1) === 0 ? sum >>> 1 : (sum >>> 1) ^ CASTAGNOLI;
    }
  }
  return ~sum >>> 0;
}
