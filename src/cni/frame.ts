// The frame between the CNI executable (cni/poplin.c) and the agent, as bytes. All integers are in
// network byte order. A tombstone on disk is such a request too. This file must not know what is in
// the environment or in stdin.
//
//   request  "PPLN" u8 version u8 flags u32 environment-length u32 stdin-length environment stdin
//   reply    u8 version u8 exit-code u32 length stdout

export const FRAME_VERSION = 1;

/** The descriptor of CNI_NETNS comes with the first byte (SCM_RIGHTS). */
const FLAG_NETNS = 0x01;
/** An earlier try of this same call broke off when the agent went away in the middle of it. */
const FLAG_REPEATED = 0x02;

const MAGIC = Buffer.from('PPLN');
const HEADER_BYTES = 14;
const REPLY_HEADER_BYTES = 6;
/** As in cni/poplin.c. */
const ENVIRONMENT_MAX_BYTES = 1 << 17;
const STDIN_MAX_BYTES = 1 << 20;

export type CniFrame = {
  /** The CNI_* variables; the first of a name counts, as with getenv. */
  readonly environment: ReadonlyMap<string, string>;
  readonly stdin: Buffer;
  readonly hasNetns: boolean;
  readonly isRepeated: boolean;
};

export type FrameDecode =
  | { readonly kind: 'frame'; readonly frame: CniFrame }
  /** `neededBytes`: how much there must be before it is worth decoding again. */
  | { readonly kind: 'incomplete'; readonly neededBytes: number }
  | { readonly kind: 'unknown-version'; readonly version: number }
  | { readonly kind: 'malformed'; readonly problem: string };

export type CniReply = { readonly exitCode: number; readonly stdout: string };

export function decodeRequest(bytes: Buffer): FrameDecode {
  const magic = bytes.subarray(0, MAGIC.length);
  if (!MAGIC.subarray(0, magic.length).equals(magic)) {
    return { kind: 'malformed', problem: 'the frame does not begin with PPLN' };
  }
  // The rest of a header of another version may look different.
  const version = bytes[MAGIC.length];
  if (version === undefined) return { kind: 'incomplete', neededBytes: HEADER_BYTES };
  if (version !== FRAME_VERSION) return { kind: 'unknown-version', version };
  if (bytes.length < HEADER_BYTES) return { kind: 'incomplete', neededBytes: HEADER_BYTES };
  const flags = bytes.readUInt8(5);
  const environmentBytes = bytes.readUInt32BE(6);
  const stdinBytes = bytes.readUInt32BE(10);
  if (environmentBytes > ENVIRONMENT_MAX_BYTES) {
    return { kind: 'malformed', problem: `an environment of ${environmentBytes} bytes` };
  }
  if (stdinBytes > STDIN_MAX_BYTES) {
    return { kind: 'malformed', problem: `a configuration of ${stdinBytes} bytes` };
  }
  const stdinAt = HEADER_BYTES + environmentBytes;
  const neededBytes = stdinAt + stdinBytes;
  if (bytes.length < neededBytes) return { kind: 'incomplete', neededBytes };
  if (bytes.length > neededBytes) {
    return { kind: 'malformed', problem: `${bytes.length - neededBytes} bytes too many` };
  }
  const frame = {
    environment: parseEnvironment(bytes.toString('utf8', HEADER_BYTES, stdinAt)),
    stdin: Buffer.from(bytes.subarray(stdinAt, neededBytes)),
    hasNetns: (flags & FLAG_NETNS) !== 0,
    isRepeated: (flags & FLAG_REPEATED) !== 0,
  };
  return { kind: 'frame', frame };
}

export function encodeRequest(frame: CniFrame): Buffer {
  const environment = Buffer.from(
    [...frame.environment].map(([name, value]) => `${name}=${value}\0`).join(''),
  );
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt8(FRAME_VERSION, 4);
  const flags = (frame.hasNetns ? FLAG_NETNS : 0) | (frame.isRepeated ? FLAG_REPEATED : 0);
  header.writeUInt8(flags, 5);
  header.writeUInt32BE(environment.length, 6);
  header.writeUInt32BE(frame.stdin.length, 10);
  return Buffer.concat([header, environment, frame.stdin]);
}

export function encodeReply({ exitCode, stdout }: CniReply): Buffer {
  const text = Buffer.from(stdout);
  const header = Buffer.alloc(REPLY_HEADER_BYTES);
  header.writeUInt8(FRAME_VERSION, 0);
  header.writeUInt8(exitCode, 1);
  header.writeUInt32BE(text.length, 2);
  return Buffer.concat([header, text]);
}

function parseEnvironment(text: string): ReadonlyMap<string, string> {
  const environment = new Map<string, string>();
  for (const variable of text.split('\0')) {
    const equals = variable.indexOf('=');
    if (equals <= 0) continue;
    const name = variable.slice(0, equals);
    if (!environment.has(name)) environment.set(name, variable.slice(equals + 1));
  }
  return environment;
}
