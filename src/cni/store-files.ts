// The few file operations that the store needs, as a parameter, so that tests can end the program
// between any two of them. Synchronous on purpose: an address is chosen and reserved without
// anything in between, and each takes microseconds, as nothing is synced to the disk.

import * as fs from 'node:fs';

export type StoreFiles = {
  makeDirectory(path: string): void;
  /** Names in a directory; none when the directory is missing. */
  list(directory: string): readonly string[];
  exists(path: string): boolean;
  read(path: string): Buffer;
  /** When the file was written last, by the wall clock. */
  writtenMs(path: string): number;
  /** The whole content; a new file gets mode 0600. */
  write(path: string, text: string): void;
  append(path: string, text: string): void;
  rename(from: string, to: string): void;
  /** A missing file is no error. */
  remove(path: string): void;
};

export const systemFiles: StoreFiles = {
  makeDirectory: (path) => {
    fs.mkdirSync(path, { recursive: true, mode: 0o700 });
  },
  list: (directory) => {
    try {
      return fs.readdirSync(directory);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  },
  exists: (path) => fs.existsSync(path),
  read: (path) => fs.readFileSync(path),
  writtenMs: (path) => fs.statSync(path).mtimeMs,
  write: (path, text) => {
    const bytes = Buffer.from(text);
    // Without O_TRUNC: ext4 would send a file that was emptied to the disk when it is closed
    // (auto_da_alloc), and nothing here waits for the disk.
    const descriptor = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o600);
    try {
      fs.writeFileSync(descriptor, bytes);
      fs.ftruncateSync(descriptor, bytes.length);
    } finally {
      fs.closeSync(descriptor);
    }
  },
  append: (path, text) => fs.appendFileSync(path, text, { mode: 0o600 }),
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.rmSync(path, { force: true }),
};
