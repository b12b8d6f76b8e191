// Whether something was there when it was last looked at, of thousands of things, for a fifth of
// the memory that their names would take: of each only a number is kept. Two names may have one
// number, so that "yes" may be wrong once in a hundred thousand times: for whoever only looks again
// then. "No" is always right.

/** Numbers of so many bits are kept without a box of their own. */
const BITS = 30;
const FNV_PRIME = 0x01000193;
const FNV_OFFSET = 0x811c9dc5;

export class KnownKeys {
  #numbers = new Set<number>();

  add(key: string): void {
    this.#numbers.add(numberOf(key));
  }

  has(key: string): boolean {
    return this.#numbers.has(numberOf(key));
  }

  /** Forgets all; those of these maps are there now. */
  replaceAll(maps: readonly ReadonlyMap<string, unknown>[]): void {
    this.#numbers = new Set();
    for (const map of maps) for (const key of map.keys()) this.add(key);
  }
}

/** FNV-1a, folded. */
function numberOf(key: string): number {
  let hash = FNV_OFFSET;
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), FNV_PRIME);
  }
  return ((hash >>> BITS) ^ hash) & ((1 << BITS) - 1);
}
