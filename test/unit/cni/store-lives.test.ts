// Random lives of a node's store: pods come and go, ADDs fail, the runtime's GC clears up, subnets
// come and go, and the program is restarted or ends before any change of a file. No address is ever
// given to two pods, none is lost, and one that rested longer goes first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AttachmentStore } from '../../../src/cni/store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import { contains } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { attachmentOf, identityOf } from '../../fake/attachment.ts';
import { Crash, FakeFiles } from '../../fake/store-files.ts';

const SUBNETS = ['10.1.0.0/29', '10.1.0.8/29', 'fd00:1::/125', 'fd00:2::/125'] as Cidr[];

type Step =
  | { readonly kind: 'add' | 'failed-add' | 'half-add'; readonly diesAfter?: number }
  | { readonly kind: 'del' | 'half-del'; readonly pod: number; readonly diesAfter?: number }
  | { readonly kind: 'gc'; readonly keeps: number }
  | { readonly kind: 'restart' }
  | { readonly kind: 'subnets'; readonly count: number };

const diesAfter = fc.option(fc.nat({ max: 6 }), { nil: undefined, freq: 6 });
const pod = fc.nat({ max: 20 });
const dying = <Kind extends string>(kind: Kind) =>
  diesAfter.map((steps) => ({ kind, ...(steps === undefined ? {} : { diesAfter: steps }) }));

const STEPS: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: dying('add') },
  { weight: 1, arbitrary: dying('failed-add') },
  { weight: 1, arbitrary: dying('half-add') },
  {
    weight: 5,
    arbitrary: fc.tuple(dying('del'), pod).map(([step, number]) => ({ ...step, pod: number })),
  },
  { weight: 1, arbitrary: pod.map((number) => ({ kind: 'half-del' as const, pod: number })) },
  { weight: 1, arbitrary: fc.nat({ max: 7 }).map((keeps) => ({ kind: 'gc' as const, keeps })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 2 }).map((count) => ({ kind: 'subnets' as const, count })),
  },
);

class Life {
  readonly files = new FakeFiles();
  store = this.#open();
  #made = 0;
  #subnets: readonly Cidr[] = SUBNETS;
  /** Pods that run: their ADD has succeeded, and no DEL of theirs has begun. */
  readonly #running = new Map<string, readonly Ip[]>();

  run(step: Step): void {
    this.files.crashAt = this.files.steps + (('diesAfter' in step && step.diesAfter) || 1e9);
    try {
      this.#take(step);
    } catch (error) {
      const cause = error instanceof AppError ? error.cause : error;
      if (!(cause instanceof Crash)) throw error;
      this.#restart();
    }
    this.#check();
  }

  #take(step: Step): void {
    switch (step.kind) {
      case 'add':
      case 'failed-add':
      case 'half-add':
        this.#add(step.kind);
        break;
      case 'del':
      case 'half-del':
        this.#del(this.#nameOf(step.pod), step.kind === 'half-del');
        break;
      case 'gc': {
        const known = this.store.entries().map(({ attachment }) => attachment?.containerId ?? '');
        for (const name of known.slice(step.keeps)) this.#del(name, false);
        break;
      }
      case 'restart':
        this.#restart();
        break;
      case 'subnets':
        this.#subnets = SUBNETS.filter((_, index) => index % 2 < step.count);
    }
  }

  #add(kind: 'add' | 'failed-add' | 'half-add'): void {
    this.#made += 1;
    const name = `pod${this.#made}`;
    const before = this.store.usage(this.#subnets);
    const made = this.store.reserve(this.#subnets, (addresses) => attachmentOf(name, addresses));
    if (made === undefined) {
      const free = (family: string): number =>
        before
          .filter(({ subnet }) => subnet.includes(':') === (family === 'ipv6'))
          .reduce((sum, { total, used }) => sum + total - used, 0);
      assert.equal(Math.min(free('ipv4'), free('ipv6')), 0, 'none is given while some are free');
      return;
    }
    for (const address of made.addresses) {
      assert.ok(
        this.#subnets.some((subnet) => contains(subnet, address)),
        address,
      );
    }
    const taken = [...this.#running.values()].flat();
    for (const address of made.addresses) assert.ok(!taken.includes(address), `${address} twice`);
    if (kind === 'half-add') return;
    if (kind === 'failed-add') {
      this.store.leave(made.hostLink);
      this.store.release(made.hostLink);
      return;
    }
    this.store.complete(made);
    this.#running.set(name, made.addresses);
  }

  #del(name: string, isHalf: boolean): void {
    const stored = this.store.find(identityOf(name));
    this.#running.delete(name);
    if (stored === undefined) return;
    this.store.leave(stored.name.hostLink);
    if (!isHalf) this.store.release(stored.name.hostLink);
  }

  #nameOf(number: number): string {
    const known = this.store.entries().map(({ attachment }) => attachment?.containerId ?? '');
    return known[number % Math.max(1, known.length)] ?? 'nobody';
  }

  #restart(): void {
    this.files.crashAt = Number.POSITIVE_INFINITY;
    this.store = this.#open();
  }

  #open(): AttachmentStore {
    const directory = '/state/attachments';
    return new AttachmentStore({
      ...{ directory, files: this.files, clock: systemClock, log: silentLog },
    });
  }

  #check(): void {
    const all = this.store.entries().flatMap(({ name }) => name.addresses);
    assert.equal(new Set(all).size, all.length, 'an address has two attachments');
    for (const [name, addresses] of this.#running) {
      const stored = this.store.find(identityOf(name));
      assert.deepEqual(stored?.attachment?.addresses, addresses, `${name} is lost`);
    }
  }
}

test('in no life is an address given twice or a pod lost, whenever the program ends', () => {
  fc.assert(
    fc.property(fc.array(STEPS, { maxLength: 120 }), (steps) => {
      const life = new Life();
      for (const step of steps) life.run(step);
    }),
    { numRuns: 150 },
  );
});
