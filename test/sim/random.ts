// The only source of chance in the simulation: a small generator that a seed determines, which can
// be split, so that one more draw in one place does not change what happens in all others.

export class Random {
  #state: number;

  constructor(seed: number | string) {
    this.#state = typeof seed === 'number' ? mix(seed >>> 0) : hash(seed);
  }

  /** Another generator, determined by this one's state and the label. */
  split(label: string): Random {
    return new Random(`${this.#next32()} ${label}`);
  }

  /** In [0, 1). */
  next(): number {
    return this.#next32() / 0x1_0000_0000;
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of them; `undefined` when there is none. */
  pick<Item>(items: readonly Item[]): Item | undefined {
    return items.length === 0 ? undefined : items[this.int(0, items.length - 1)];
  }

  /** In proportion to the weights. */
  weighted<Item>(items: readonly (readonly [weight: number, item: Item])[]): Item {
    const sum = items.reduce((total, [weight]) => total + weight, 0);
    let left = this.next() * sum;
    for (const [weight, item] of items) {
      left -= weight;
      if (left < 0) return item;
    }
    const [, last] = items.at(-1) ?? [0, undefined];
    return last as Item;
  }

  /** Waiting times between independent events of this mean. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  /** splitmix32 */
  #next32(): number {
    this.#state = (this.#state + 0x9e37_79b9) >>> 0;
    return mix(this.#state);
  }
}

function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0_aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a_2d97);
  return (bits ^ (bits >>> 15)) >>> 0;
}

/** FNV-1a. */
function hash(text: string): number {
  let bits = 0x811c_9dc5;
  for (let at = 0; at < text.length; at += 1) {
    bits = Math.imul(bits ^ text.charCodeAt(at), 0x0100_0193);
  }
  return mix(bits >>> 0);
}
