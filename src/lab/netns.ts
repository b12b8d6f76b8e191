// Network namespaces by the names that `ip netns` gives them.

import { closeSync, readdirSync } from 'node:fs';
import { inNetns, openNetns } from '../kernel/netns.ts';

const DIRECTORY = '/run/netns';

export const netnsPath = (name: string): string => `${DIRECTORY}/${name}`;

/** Runs `work`, which must not wait for anything, inside the namespace. */
export function inNamespace<Result>(path: string, work: () => Result): Result {
  const { fd } = openNetns(path);
  try {
    return inNetns(fd, work);
  } finally {
    closeSync(fd);
  }
}

/** Names of all namespaces on this machine. */
export function namespaceNames(): string[] {
  try {
    return readdirSync(DIRECTORY);
  } catch {
    return []; // There never was a named one.
  }
}
