// Files of attachments that are gone, kept beside the others for the next ones. ext4 looks at every
// file that was removed in the last minute before it makes a new one (fs/ext4/ialloc.c:
// recently_deleted), which is a quarter of an ADD where pods come and go. A spare file is written
// over and renamed instead. What a spare holds means nothing, so a crash needs no care.

import type { StoreFiles } from './store-files.ts';

/** As many as pods come and go at once on a busy node; each takes one block of the disk. */
const SPARES_MAX = 64;

export class SpareFiles {
  readonly #files: StoreFiles;
  readonly #directory: string;
  readonly #free: string[] = [];
  #lastNumber = 0;

  constructor(files: StoreFiles, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  /** Those of an earlier run. A disk that refuses has none, which costs only time. */
  load(): void {
    try {
      this.#files.makeDirectory(this.#directory);
      this.#adopt();
    } catch {
      this.#free.length = 0;
    }
  }

  /** A path to write to and to rename; undefined when there is none. */
  take(): string | undefined {
    return this.#free.pop();
  }

  /**
   * The file is there with this text, or as it was. `temporary` is written where no spare file can
   * be: their directory may be gone. Throws what the disk says.
   */
  write(path: string, text: string, temporary: string): void {
    const spare = this.take();
    if (spare !== undefined) {
      try {
        this.#put(path, text, spare);
        return;
      } catch {
        // What is wrong with the disk itself is said below.
      }
    }
    this.#put(path, text, temporary);
  }

  /** In place of removing the file. Throws what the disk says. */
  keep(path: string): void {
    if (this.#free.length >= SPARES_MAX) {
      this.#files.remove(path);
      return;
    }
    const spare = `${this.#directory}/${this.#lastNumber + 1}`;
    try {
      this.#files.rename(path, spare);
    } catch {
      this.#files.remove(path); // The directory is gone, or a full disk has no room for a name.
      return;
    }
    this.#lastNumber += 1;
    this.#free.push(spare);
  }

  #put(path: string, text: string, by: string): void {
    try {
      this.#files.write(by, text);
      this.#files.rename(by, path);
    } catch (error) {
      this.#files.remove(by);
      throw error;
    }
  }

  #adopt(): void {
    for (const name of this.#files.list(this.#directory)) {
      if (!/^[1-9]\d{0,8}$/.test(name)) continue;
      this.#lastNumber = Math.max(this.#lastNumber, Number(name));
      if (this.#free.length < SPARES_MAX) this.#free.push(`${this.#directory}/${name}`);
      else this.#files.remove(`${this.#directory}/${name}`);
    }
  }
}
