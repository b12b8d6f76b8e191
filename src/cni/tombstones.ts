// Tombstones: DELs that came while the agent was away. The executable wrote each as a file with the
// whole call in it, the same bytes that it would have sent (frame.ts), under the name
// `<container>@<interface>`. They are carried out before the first call is answered.

import { AppError, describeError } from '../lib/errors.ts';
import type { CniWork } from './context.ts';
import { decodeRequest } from './frame.ts';
import type { DelRequest } from './request.ts';
import { parseRequest } from './request.ts';

export type Tombstone = { readonly fileName: string; readonly request: DelRequest };

/** All that can be read; a file that is no DEL is removed, one of another version is left. */
export function readTombstones(context: CniWork): Tombstone[] {
  const { directory, files } = context.tombstones;
  const names = attempt(`list ${directory}`, () => files.list(directory));
  return names
    .filter((fileName) => !fileName.startsWith('.'))
    .flatMap((fileName) => readTombstone(fileName, context) ?? []);
}

/** `undefined` when there is none. */
export function readTombstone(fileName: string, context: CniWork): Tombstone | undefined {
  const { files } = context.tombstones;
  const path = `${context.tombstones.directory}/${fileName}`;
  const bytes = attempt(`read ${path}`, () => files.read(path));
  const decoded = decodeRequest(bytes);
  if (decoded.kind === 'frame') {
    const parsed = parseRequest(decoded.frame);
    if (parsed.kind === 'request' && parsed.request.verb === 'DEL') {
      return { fileName, request: parsed.request };
    }
  }
  if (decoded.kind === 'unknown-version') {
    const { version } = decoded;
    context.log.warn({ path, version }, 'a tombstone of another version of Poplin waits for it');
    return undefined;
  }
  context.log.warn({ path, bytes: bytes.length }, 'a tombstone is not a DEL: removed');
  removeTombstone(fileName, context);
  return undefined;
}

/** Repeated without harm. */
export function removeTombstone(fileName: string, context: CniWork): void {
  const { directory, files } = context.tombstones;
  try {
    files.remove(`${directory}/${fileName}`);
  } catch (error) {
    context.log.warn({ fileName, error: describeError(error) }, 'a tombstone cannot be removed');
  }
}

/** As the executable names it. */
export const tombstoneNameOf = (name: {
  readonly containerId: string;
  readonly ifName: string;
}): string => `${name.containerId}@${name.ifName}`;

function attempt<T>(operation: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new AppError('FILE', operation, describeError(error));
  }
}
