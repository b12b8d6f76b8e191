// The numbers of nexthop objects. Routes name a nexthop by link and gateway; the kernel by a number
// that whoever makes it chooses. Ours follows from the name, with the next free one where another
// has it already, so that a restarted agent would choose the same again.

import { createHash } from 'node:crypto';
import { assert } from '../lib/assert.ts';
import type { Ip } from '../net/ip.ts';
import { keyOfNexthop } from '../state/kernel-state.ts';

/** Away from the small numbers that people choose; below 2³¹, as a number from a shell would be. */
const FIRST_ID = 0x71000000;
const ID_COUNT = 0x1000000;

type Name = { readonly link: string; readonly gateway: Ip };

export class NexthopIds {
  readonly #idByKey = new Map<string, number>();
  readonly #used = new Set<number>();
  #loaded = false;

  /** Whether the kernel's nexthops were read at least once. */
  get loaded(): boolean {
    return this.#loaded;
  }

  restart(): void {
    this.#idByKey.clear();
    this.#used.clear();
    this.#loaded = true;
  }

  /** A number that is in use; with its `keyOfNexthop` when Poplin could have made it. */
  record(id: number, key: string | undefined): void {
    this.#used.add(id);
    if (key !== undefined) this.#idByKey.set(key, id);
  }

  idOf(name: Name): number | undefined {
    return this.#idByKey.get(keyOfNexthop(name));
  }

  /** The number of the nexthop, a free one if it has none yet. */
  allocate(name: Name): number {
    const key = keyOfNexthop(name);
    const known = this.#idByKey.get(key);
    if (known !== undefined) return known;
    assert(this.#used.size < ID_COUNT, 'there are more nexthops than numbers');
    let offset = hash(key);
    while (this.#used.has(FIRST_ID + offset)) offset = (offset + 1) % ID_COUNT;
    const id = FIRST_ID + offset;
    this.#idByKey.set(key, id);
    this.#used.add(id);
    return id;
  }

  forget(name: Name): void {
    const key = keyOfNexthop(name);
    const id = this.#idByKey.get(key);
    if (id === undefined) return;
    this.#idByKey.delete(key);
    this.#used.delete(id);
  }
}

const hash = (key: string): number =>
  createHash('sha256').update(key).digest().readUInt32LE(0) % ID_COUNT;
