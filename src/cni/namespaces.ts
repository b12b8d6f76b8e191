// Network namespaces as files of nsfs: two descriptors are the same namespace when their inodes are
// equal. Only looks at them; entering one is the kernel adapter's work.

import { closeSync, fstatSync, statSync } from 'node:fs';
import { openNetns } from '../kernel/netns.ts';
import type { Namespaces } from './context.ts';

const OWN = '/proc/self/ns/net';

/** Where the kernel adapter looks for the namespaces that links are made into. */
export type NetnsHolder = { hold(path: string, descriptor: number): () => void };

export function systemNamespaces(holder: NetnsHolder): Namespaces {
  // The process never leaves its own for good.
  const own = statSync(OWN);
  return {
    ownInode: () => own.ino,
    inodeOf: (descriptor) => {
      const { dev, ino } = fstatSync(descriptor);
      // Every namespace file is of the one nsfs instance; a bind mount keeps its device number.
      return dev === own.dev ? ino : undefined;
    },
    // The runtime's path may not exist in the agent's mount namespace; the descriptor always does.
    hold: (descriptor) => {
      const path = `/proc/self/fd/${descriptor}`;
      return { path, release: holder.hold(path, descriptor) };
    },
    inodeAt: (path) => {
      try {
        const { dev, ino } = statSync(path);
        return dev === own.dev ? ino : undefined;
      } catch {
        return undefined; // It is gone, or was never visible to this process.
      }
    },
    open: (path, inode) => {
      const { fd } = openNetns(path, inode);
      return { descriptor: fd, close: () => closeSync(fd) };
    },
  };
}
