// Which link has which index: the kernel's messages name links by index, everything in Poplin by
// name. It keeps the last message of each link, so that a notification can be told from news.

import { isDeepStrictEqual } from 'node:util';
import type { LinkMessage } from '../netlink/link.ts';

export class LinkTable {
  readonly #byIndex = new Map<number, LinkMessage>();
  readonly #indexes = new Map<string, number>();

  replaceAll(links: readonly LinkMessage[]): void {
    this.#byIndex.clear();
    this.#indexes.clear();
    for (const link of links) this.set(link);
  }

  /** Returns whether this is news. */
  set(link: LinkMessage): boolean {
    const known = this.#byIndex.get(link.index);
    if (known !== undefined && known.name !== link.name) this.#indexes.delete(known.name);
    this.#byIndex.set(link.index, link);
    this.#indexes.set(link.name, link.index);
    return known === undefined || !isDeepStrictEqual(known, link);
  }

  /** Returns whether it was known. */
  forget(index: number): boolean {
    const known = this.#byIndex.get(index);
    if (known === undefined) return false;
    this.#byIndex.delete(index);
    if (this.#indexes.get(known.name) === index) this.#indexes.delete(known.name);
    return true;
  }

  get(index: number): LinkMessage | undefined {
    return this.#byIndex.get(index);
  }

  indexOf(name: string): number | undefined {
    return this.#indexes.get(name);
  }

  names(): Iterable<string> {
    return this.#indexes.keys();
  }

  /** '' for a link that is not (or no longer) there. */
  nameOf(index: number): string {
    return this.#byIndex.get(index)?.name ?? '';
  }
}
