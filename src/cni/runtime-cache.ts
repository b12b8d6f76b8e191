// What the container runtime remembers of its attachments: libcni keeps a file for each, from the
// end of its ADD until its DEL has succeeded, and does not forget them by a crash or a reboot. Only
// names are looked at; whatever carries the right name counts as known, also half of a file.

import { readdirSync } from 'node:fs';
import type { AttachmentIdentity } from '../endpoint/identity.ts';
import { hostLinkOf } from '../endpoint/identity.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';

export type RuntimeCache = {
  knows(identity: AttachmentIdentity): boolean;
  /** Whether any attachment that it knows has this host link. */
  knowsLink(hostLink: string): boolean;
};

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
  let links: ReadonlySet<string> | undefined;
  return {
    knows: ({ network, containerId, ifName }) => known.has(`${network}-${containerId}-${ifName}`),
    knowsLink: (hostLink) => {
      links ??= new Set(names.flatMap((name) => identitiesIn(name).map(hostLinkOf)));
      return links.has(hostLink);
    },
  };
}

/** Each of the three parts may have a `-` itself: all that the name could mean. */
function identitiesIn(name: string): AttachmentIdentity[] {
  const parts = name.split('-');
  const joined = (from: number, to?: number): string => parts.slice(from, to).join('-');
  const identities: AttachmentIdentity[] = [];
  for (let first = 1; first < parts.length - 1; first += 1) {
    for (let second = first + 1; second < parts.length; second += 1) {
      identities.push({
        network: joined(0, first),
        containerId: joined(first, second),
        ifName: joined(second),
      });
    }
  }
  return identities;
}
