// What the container runtime remembers of its attachments: libcni keeps a file for each, from the
// end of its ADD until its DEL has succeeded, and does not forget them by a crash or a reboot. Only
// names are looked at; whatever carries the right name counts as known, also half of a file.

import { readdirSync } from 'node:fs';
import type { AttachmentIdentity } from '../endpoint/identity.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';

export type RuntimeCache = { knows(identity: AttachmentIdentity): boolean };

/** `undefined` when there is none to be read: then nothing is known of the runtime. */
export function readRuntimeCache(directory: string, log: Log): RuntimeCache | undefined {
  try {
    return runtimeCacheOf(readdirSync(directory));
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const told = { directory, error: describeError(error) };
    if (!isMissing) log.warn(told, "the runtime's cache of attachments cannot be read");
    return undefined;
  }
}

export function runtimeCacheOf(names: readonly string[]): RuntimeCache {
  const known = new Set(names);
  return {
    knows: ({ network, containerId, ifName }) => known.has(`${network}-${containerId}-${ifName}`),
  };
}
