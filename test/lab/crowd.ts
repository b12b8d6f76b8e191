// Many pods on one node of a lab, attached and detached by the real executable, so many at a time:
// what they were given, how long each call took, and what is left of them in the end.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import type { Ip } from '../../src/net/ip.ts';
import { addressesIn, cni } from './cni.ts';
import type { TestLab } from './lab.ts';

/** Calls of a runtime that are under way at once. */
export const AT_ONCE = 50;

export class Crowd {
  readonly #lab: TestLab;
  readonly #node: string;
  readonly #made = new Set<string>();
  /** By pod. */
  readonly #addresses = new Map<string, readonly Ip[]>();

  constructor(lab: TestLab, node: string) {
    this.#lab = lab;
    this.#node = node;
  }

  get addresses(): readonly Ip[] {
    return [...this.#addresses.values()].flat();
  }

  /** A namespace, as the runtime makes it before ADD. */
  async prepare(pod: string): Promise<void> {
    await mustRun(runCommand, ['ip', 'netns', 'add', this.#netns(pod)]);
    this.#made.add(pod);
  }

  /** How long it took, in milliseconds. Fails when somebody has one of its addresses. */
  async add(pod: string): Promise<number> {
    const startMs = performance.now();
    const outcome = await cni(this.#lab, { ...this.#call(pod), verb: 'ADD' });
    const durationMs = performance.now() - startMs;
    assert.equal(outcome.exitCode, 0, JSON.stringify(outcome.json));
    const addresses = addressesIn(outcome);
    const taken = this.addresses;
    for (const address of addresses) assert.ok(!taken.includes(address), `${address} twice`);
    this.#addresses.set(pod, addresses);
    return durationMs;
  }

  async del(pod: string): Promise<number> {
    // From the moment at which it is asked for on, another pod may have the address.
    this.#addresses.delete(pod);
    const startMs = performance.now();
    const outcome = await cni(this.#lab, { ...this.#call(pod), verb: 'DEL' });
    const durationMs = performance.now() - startMs;
    assert.deepEqual([outcome.exitCode, outcome.json], [0, {}]);
    return durationMs;
  }

  /** What there is of pods on the node: '' when there is nothing. */
  leftovers(): string {
    return Object.values(this.#traces()).join('');
  }

  /** While pods are there: each look that finds nothing of them would never find anything left. */
  mustSeeAll(): void {
    for (const [kind, text] of Object.entries(this.#traces())) {
      assert.notEqual(text, '', `no ${kind} of any pod is seen`);
    }
  }

  #traces() {
    const { stateDir } = this.#lab.directory.node(this.#node);
    const look = (command: string): string => this.#lab.run(this.#node, command);
    const neighbours = look('ip neigh show nud permanent').split('\n');
    return {
      link: look('ip -br link show group 113'),
      route: look('ip route show proto 113 scope link'),
      // Peers' have an address of the node on `poplin4-1`: those of pods lie on their own links.
      neighbour: neighbours.filter((line) => / dev poplin[0-9a-f]{9} /.test(line)).join('\n'),
      file: readdirSync(join(stateDir, 'attachments'))
        .filter((name) => name !== 'released')
        .join('\n'),
    };
  }

  async remove(): Promise<void> {
    for (const pod of this.#made) await runCommand(['ip', 'netns', 'del', this.#netns(pod)]);
  }

  #call(pod: string) {
    const netns = this.#netns(pod);
    return { node: this.#node, containerId: netns, netns };
  }

  #netns = (pod: string): string => `${this.#lab.plan.spec.name}-c${pod}`;
}

/** So many at once, in their order; what each gave. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  atOnce = AT_ONCE,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      results[index] = await work(items[index] as Item);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return results;
}

export const namesTo = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${index}`);

export function medianOf(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
