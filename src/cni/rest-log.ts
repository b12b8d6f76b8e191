// When and in which order addresses were released, kept over restarts: a text file with one line
// for each release, the newest last. A line that a crash cut off is skipped, and losing the file
// loses only the order. It is written anew when half of it is outdated, so that it stays small. The
// first line is the format's version; format 1 had no such line. The file has wall-clock times,
// which somebody may set: in memory a release is never later than now, or than the one after it.

import type { Clock } from '../lib/clock.ts';
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
  readonly #clock: Clock;
  /** In the order of the releases, oldest first; each with its time by the monotonic clock. */
  readonly #rested: Readonly<Record<Family, Map<Ip, number>>> = {
    ipv4: new Map(),
    ipv6: new Map(),
  };
  #lineCount = 0;
  #hasHeader = false;

  constructor({ files, clock }: { files: StoreFiles; clock: Clock }, path: string) {
    this.#files = files;
    this.#clock = clock;
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
    this.#lineCount += lines.length;
    for (const { address, releasedMs } of this.#releasesIn(lines)) {
      this.#remember(address, releasedMs);
    }
    return undefined;
  }

  /** In memory first: when the disk refuses the line, the order still holds until a restart. */
  release(addresses: readonly Ip[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const address of addresses) this.#remember(address, nowMs);
    const isOutdated = this.#lineCount > LINES_MIN && this.#lineCount > 2 * this.#all().length;
    if (isOutdated || !this.#hasHeader) {
      this.#writeAnew();
      return;
    }
    const lines = addresses.map((address) => this.#lineOf(address, nowMs));
    this.#files.append(this.#path, lines.join(''));
    this.#lineCount += addresses.length;
  }

  /** Oldest first. A line without a time that can be read was released before the next one. */
  #releasesIn(lines: readonly string[]): { address: Ip; releasedMs: number }[] {
    const releases: { address: Ip; releasedMs: number }[] = [];
    let nextMs = this.#clock.monotonicMs();
    for (const line of lines.toReversed()) {
      const middle = line.lastIndexOf(' ');
      const address = parseIp(line.slice(middle + 1));
      if (address === undefined) continue;
      const ageMs = this.#clock.now().getTime() - Date.parse(line.slice(0, Math.max(middle, 0)));
      if (Number.isFinite(ageMs)) nextMs = Math.min(nextMs, this.#clock.monotonicMs() - ageMs);
      releases.push({ address, releasedMs: nextMs });
    }
    return releases.reverse();
  }

  #remember(address: Ip, releasedMs: number): void {
    const rested = this.#rested[familyOf(address)];
    rested.delete(address);
    rested.set(address, releasedMs);
    const [oldest] = rested.keys();
    if (rested.size > RESTED_MAX && oldest !== undefined) rested.delete(oldest);
  }

  #all(): [Ip, number][] {
    const all = [...this.#rested.ipv4, ...this.#rested.ipv6];
    return all.sort(([, before], [, after]) => before - after);
  }

  #writeAnew(): void {
    const temporary = `${this.#path}.tmp`;
    const all = this.#all();
    const lines = all.map(([address, releasedMs]) => this.#lineOf(address, releasedMs));
    this.#files.write(temporary, `version ${VERSION}\n${lines.join('')}`);
    this.#files.rename(temporary, this.#path);
    this.#hasHeader = true;
    this.#lineCount = all.length;
  }

  #lineOf(address: Ip, releasedMs: number): string {
    const ageMs = this.#clock.monotonicMs() - releasedMs;
    const at = new Date(this.#clock.now().getTime() - ageMs);
    return `${at.toISOString()} ${address}\n`;
  }
}
