// The order in which addresses were released, kept over restarts: a text file with one line for
// each release, the newest last. A line that a crash cut off is skipped, and losing the file loses
// only the order. It is written anew when half of it is outdated, so that it stays small. The
// first line is the format's version; format 1 had no such line.

import { asidePath, newerFormat } from '../lib/state-format.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, parseIp } from '../net/ip.ts';
import type { RestedAddresses } from './ipam.ts';
import { RESTED_MAX } from './ipam.ts';
import type { StoreFiles } from './store-files.ts';

/** Small files are left to grow to this, so that not every release writes the file anew. */
const LINES_MIN = 256;
const VERSION = 2;
const HEADER = /^version (\d+)$/;

export class RestLog {
  readonly #files: StoreFiles;
  readonly #path: string;
  /** In the order of the releases, oldest first. */
  readonly #rested: Readonly<Record<Family, Set<Ip>>> = { ipv4: new Set(), ipv6: new Set() };
  #lineCount = 0;
  #hasHeader = false;

  constructor(files: StoreFiles, path: string) {
    this.#files = files;
    this.#path = path;
  }

  get rested(): RestedAddresses {
    return this.#rested;
  }

  /** What is wrong with the text, in words; a missing file is an empty one. */
  load(text: string): string | undefined {
    const lines = text.split('\n');
    const version = Number(HEADER.exec(lines[0] ?? '')?.[1] ?? 1);
    if (version > VERSION) {
      this.#files.rename(this.#path, asidePath(this.#path, version));
      return newerFormat(version, VERSION);
    }
    this.#hasHeader = version === VERSION;
    for (const line of lines) {
      this.#lineCount += 1;
      const address = parseIp(line.slice(line.lastIndexOf(' ') + 1));
      if (address !== undefined) this.#remember(address);
    }
    return undefined;
  }

  /** In memory first: when the disk refuses the line, the order still holds until a restart. */
  release(addresses: readonly Ip[], at: Date): void {
    for (const address of addresses) this.#remember(address);
    const isOutdated = this.#lineCount > LINES_MIN && this.#lineCount > 2 * this.#all().length;
    if (isOutdated || !this.#hasHeader) {
      this.#writeAnew(at);
      return;
    }
    this.#files.append(this.#path, linesOf(addresses, at));
    this.#lineCount += addresses.length;
  }

  #remember(address: Ip): void {
    const rested = this.#rested[familyOf(address)];
    rested.delete(address);
    rested.add(address);
    const [oldest] = rested;
    if (rested.size > RESTED_MAX && oldest !== undefined) rested.delete(oldest);
  }

  #all(): Ip[] {
    return [...this.#rested.ipv4, ...this.#rested.ipv6];
  }

  #writeAnew(at: Date): void {
    const temporary = `${this.#path}.tmp`;
    const all = this.#all();
    this.#files.write(temporary, `version ${VERSION}\n${linesOf(all, at)}`);
    this.#files.rename(temporary, this.#path);
    this.#hasHeader = true;
    this.#lineCount = all.length;
  }
}

const linesOf = (addresses: readonly Ip[], at: Date): string =>
  addresses.map((address) => `${at.toISOString()} ${address}\n`).join('');
