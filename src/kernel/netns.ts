// Network namespaces. The main thread enters another one only for the length of a synchronous
// function: sockets and files opened inside keep their namespace, so nothing needs to stay there.
// If the way back fails, everything that follows would happen in the wrong namespace, so the
// process ends at once.

import { closeSync, fstatSync, openSync } from 'node:fs';
import { AppError } from '../lib/errors.ts';
import { enterNewNetns, errnoName, setNetns } from './libc.ts';

const OWN_NAMESPACE = '/proc/thread-self/ns/net';

/** Runs `work` inside the namespace. It must not return a promise. */
export function inNetns<Result>(netns: number, work: () => Result): Result {
  const home = openSync(OWN_NAMESPACE, 'r');
  try {
    const entered = setNetns(netns);
    if (entered < 0) {
      throw new AppError('NETNS', 'enter network namespace', errnoName(-entered));
    }
    try {
      return work();
    } finally {
      // Nothing could be trusted any more, not even a log line's destination.
      if (setNetns(home) < 0) process.abort();
    }
  } finally {
    closeSync(home);
  }
}

/** Makes a namespace that is gone when the descriptor is closed, and nothing is left in it. */
export function openNewNetns(): number {
  const home = openSync(OWN_NAMESPACE, 'r');
  try {
    const entered = enterNewNetns();
    if (entered < 0) {
      throw new AppError('NETNS', 'make a network namespace', errnoName(-entered));
    }
    try {
      return openSync(OWN_NAMESPACE, 'r');
    } finally {
      if (setNetns(home) < 0) process.abort();
    }
  } finally {
    closeSync(home);
  }
}

/** Runs `work` inside the namespace, or right here when there is none. */
export const inOptionalNetns = <Result>(netns: number | undefined, work: () => Result): Result =>
  netns === undefined ? work() : inNetns(netns, work);

export type OpenNetns = { readonly fd: number; readonly inode: number };

/**
 * Opens a namespace by its path. With `inode` it must be that very namespace: a path may have been
 * used again for another. The caller closes the descriptor.
 */
export function openNetns(path: string, inode?: number): OpenNetns {
  const operation = `open network namespace ${path}`;
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new AppError('NETNS', operation, 'it is not there', error);
  }
  const actual = fstatSync(fd).ino;
  if (inode !== undefined && actual !== inode) {
    closeSync(fd);
    throw new AppError('NETNS', operation, `it is inode ${actual}, not ${inode}`);
  }
  return { fd, inode: actual };
}

/** Descriptors of namespaces by path, for whoever makes a link whose other end goes there. */
export class NetnsRegistry {
  readonly #descriptors = new Map<string, number>();

  /** The caller keeps the descriptor open until it calls the returned function. */
  hold(path: string, fd: number): () => void {
    this.#descriptors.set(path, fd);
    return () => {
      if (this.#descriptors.get(path) === fd) this.#descriptors.delete(path);
    };
  }

  fdOf(path: string): number {
    const fd = this.#descriptors.get(path);
    if (fd !== undefined) return fd;
    throw new AppError('NETNS', `use network namespace ${path}`, 'nobody holds it open');
  }
}
