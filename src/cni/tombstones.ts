// Tombstones: DELs that came while the agent was away. The executable wrote each as a file with the
// whole call in it, the same bytes that it would have sent (frame.ts), under the name
// `<container>@<interface>`. They are read and removed here, and carried out by
// tombstone-replay.ts. Whatever one file is, it is no reason to leave the others.

import { describeError } from '../lib/errors.ts';
import type { CniContext } from './context.ts';
import { decodeRequest } from './frame.ts';
import type { DelRequest } from './request.ts';
import { parseRequest } from './request.ts';

export type Tombstone = {
  readonly kind: 'del';
  readonly fileName: string;
  readonly request: DelRequest;
};

export type TombstoneRead =
  | Tombstone
  /** It is not there, or was none, or is another version's, which it waits for. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable' };

const NONE = { kind: 'none' } as const;

/** As the executable names what it has not finished writing. */
const TEMPORARY = /^\.\d+-\d+\.tmp$/;
/** Runtimes end a DEL after a minute, and the executable with it. */
const WRITING_MAX_MS = 600_000;

/** Throws what the disk says when the directory cannot be read. */
export const tombstoneNames = ({ tombstones: { directory, files } }: CniContext): string[] =>
  files.list(directory).filter((fileName) => !fileName.startsWith('.'));

/** A file that is no DEL is removed; one of another version, or that is not readable, is left. */
export function readTombstone(fileName: string, context: CniContext): TombstoneRead {
  const { log } = context;
  const { files } = context.tombstones;
  const path = pathOf(fileName, context);
  let bytes: Buffer;
  try {
    bytes = files.read(path);
  } catch (error) {
    if (!files.exists(path)) return NONE;
    log.warn({ path, error: describeError(error) }, 'a tombstone cannot be read: it stays');
    return { kind: 'unreadable' };
  }
  const decoded = decodeRequest(bytes);
  if (decoded.kind === 'frame') {
    const parsed = parseRequest(decoded.frame);
    if (parsed.kind === 'request' && parsed.request.verb === 'DEL') {
      return { kind: 'del', fileName, request: parsed.request };
    }
  }
  if (decoded.kind === 'unknown-version') {
    const { version } = decoded;
    log.warn({ path, version }, 'a tombstone of another version of Poplin waits for it');
    return NONE;
  }
  log.warn({ path, bytes: bytes.length }, 'a tombstone is not a DEL: removed');
  removeTombstone(fileName, context);
  return NONE;
}

/** Repeated without harm. */
export function removeTombstone(fileName: string, context: CniContext): void {
  try {
    context.tombstones.files.remove(pathOf(fileName, context));
  } catch (error) {
    const told = { path: pathOf(fileName, context), error: describeError(error) };
    context.log.warn(told, 'a tombstone cannot be removed');
  }
}

/**
 * What executables that were killed had begun to write. One that may be at work is left: its DEL
 * would fail. Throws what the disk says when the directory cannot be read.
 */
export function removeLeftovers(context: CniContext): void {
  const { directory, files } = context.tombstones;
  for (const fileName of files.list(directory).filter((name) => TEMPORARY.test(name))) {
    if (isOld(fileName, context)) removeTombstone(fileName, context);
  }
}

/** Also of a time to come: somebody has set the clock back meanwhile. */
function isOld(fileName: string, context: CniContext): boolean {
  try {
    const writtenMs = context.tombstones.files.writtenMs(pathOf(fileName, context));
    return Math.abs(context.clock.now().getTime() - writtenMs) > WRITING_MAX_MS;
  } catch {
    return false; // It has been renamed meanwhile.
  }
}

export const hasTombstone = (fileName: string, context: CniContext): boolean =>
  context.tombstones.files.exists(pathOf(fileName, context));

/** As the executable names it. */
export const tombstoneNameOf = (name: {
  readonly containerId: string;
  readonly ifName: string;
}): string => `${name.containerId}@${name.ifName}`;

const pathOf = (fileName: string, { tombstones }: CniContext): string =>
  `${tombstones.directory}/${fileName}`;
