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

  makeDirectory(): void {}

  list(directory: string): readonly string[] {
    const prefix = `${directory}/`;
    return [...this.contents.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length));
  }

  exists(path: string): boolean {
    return this.contents.has(path);
  }

  read(path: string): Buffer {
    const content = this.contents.get(path);
    if (content === undefined) throw new Error(`ENOENT: ${path}`);
    return Buffer.from(content, 'latin1');
  }

  write(path: string, text: string): void {
    this.#step();
    this.contents.set(path, text.slice(0, text.length / 2));
    this.#step();
    this.contents.set(path, text);
  }

  append(path: string, text: string): void {
    const before = this.contents.get(path) ?? '';
    this.#step();
    this.contents.set(path, before + text.slice(0, text.length / 2));
    this.#step();
    this.contents.set(path, before + text);
  }

  rename(from: string, to: string): void {
    this.#step();
    const content = this.contents.get(from);
    if (content === undefined) throw new Error(`ENOENT: ${from}`);
    this.contents.delete(from);
    this.contents.set(to, content);
  }

  remove(path: string): void {
    if (!this.contents.has(path)) return;
    // A full disk takes removals.
    this.#step({ isRefused: this.refusal === 'EROFS' });
    this.contents.delete(path);
  }

  #step({ isRefused } = { isRefused: this.refusal !== undefined }): void {
    if (isRefused) throw new Error(`${this.refusal}: refused by the test`);
    if (this.steps >= this.crashAt) throw new Crash('the program ends here');
    this.steps += 1;
  }
}
