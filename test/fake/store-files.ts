// A file system in memory for the CNI store, which can end the program before any chosen operation
// (as SIGKILL would: what was done stays done) or refuse it (as a full disk does). Writing and
// appending have a moment in their middle, where only half of the text is there.

import type { StoreFiles } from '../../src/cni/store-files.ts';

export class Crash extends Error {
  override readonly name = 'Crash';
}

export class FakeFiles implements StoreFiles {
  readonly contents = new Map<string, string>();
  /** Number of changing steps so far; a write counts as two. */
  steps = 0;
  /** The step that does not happen any more; everything after it fails as well. */
  crashAt = Number.POSITIVE_INFINITY;
  /** Set to have every change of the disk refused. */
  refusal: 'ENOSPC' | 'EROFS' | undefined;
  /** By path; of all others it was long ago. */
  readonly written = new Map<string, number>();
  /** Entries that are directories: they are listed, and nobody can read them. */
  readonly directories = new Set<string>();
  readonly #gone = new Set<string>();

  makeDirectory(path: string): void {
    this.#gone.delete(path);
  }

  /** Somebody removes a directory with all that is in it. */
  removeDirectory(path: string): void {
    for (const name of this.list(path)) this.contents.delete(`${path}/${name}`);
    this.#gone.add(path);
  }

  list(directory: string): readonly string[] {
    const prefix = `${directory}/`;
    return [...this.contents.keys(), ...this.directories]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length));
  }

  exists(path: string): boolean {
    return this.contents.has(path) || this.directories.has(path);
  }

  read(path: string): Buffer {
    if (this.directories.has(path)) throw new Error(`EISDIR: ${path}`);
    const content = this.contents.get(path);
    if (content === undefined) throw new Error(`ENOENT: ${path}`);
    return Buffer.from(content, 'latin1');
  }

  writtenMs(path: string): number {
    return this.written.get(path) ?? 0;
  }

  write(path: string, text: string): void {
    this.#step();
    this.#enter(path);
    this.contents.set(path, text.slice(0, text.length / 2));
    this.#step();
    this.contents.set(path, text);
  }

  append(path: string, text: string): void {
    const before = this.contents.get(path) ?? '';
    this.#step();
    this.#enter(path);
    this.contents.set(path, before + text.slice(0, text.length / 2));
    this.#step();
    this.contents.set(path, before + text);
  }

  rename(from: string, to: string): void {
    this.#step();
    const content = this.contents.get(from);
    if (content === undefined) throw new Error(`ENOENT: ${from}`);
    this.#enter(to);
    this.contents.delete(from);
    this.contents.set(to, content);
  }

  remove(path: string): void {
    if (!this.contents.has(path)) return;
    // A full disk takes removals.
    this.#step({ isRefused: this.refusal === 'EROFS' });
    this.contents.delete(path);
  }

  /** No file is made in a directory that is not there. */
  #enter(path: string): void {
    const directory = path.slice(0, path.lastIndexOf('/'));
    if (this.#gone.has(directory)) throw new Error(`ENOENT: ${path}`);
  }

  #step({ isRefused } = { isRefused: this.refusal !== undefined }): void {
    if (isRefused) throw new Error(`${this.refusal}: refused by the test`);
    if (this.steps >= this.crashAt) throw new Crash('the program ends here');
    this.steps += 1;
  }
}
