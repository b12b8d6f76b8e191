// More redirections than a look asks the kernel for again: what is remembered of them must be what
// is there, whoever changed them and whether anybody watched.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Op } from '../../src/state/op.ts';
import type { KernelWorld, OpenWorld } from './world.ts';
import {
  add,
  change,
  done,
  fingerprint,
  link,
  listen,
  qdisc,
  read,
  underlayAndVxlan,
  veth,
} from './world.ts';

const COUNT = 40;
const NAMES = Array.from(
  { length: COUNT },
  (_, index) => `poplin${String(index).padStart(9, '0')}`,
);

const lead = (name: string | undefined, to: string): Op =>
  change(qdisc({ kind: 'redirect', link: name ?? '', to }));

/** A link for each name, and its filter. */
async function allLedTo(world: KernelWorld, to: string): Promise<void> {
  await underlayAndVxlan(world);
  await done(
    world,
    NAMES.map((name, index) => add(link(veth(world, name, 0x50 + index)))),
  );
  await done(
    world,
    NAMES.map((name) => lead(name, to)),
  );
}

export function kernelRedirects(open: OpenWorld): void {
  test('watched or not, the fingerprint tells of each redirection that changes', async () => {
    using world = open();
    await allLedTo(world, 'eth0');
    read(world);
    const prints: string[] = [];
    const first = listen(world);
    try {
      prints.push(fingerprint(world));
      await done(world, [lead(NAMES[39], 'lo')]);
      prints.push(fingerprint(world));
      world.foreign(lead(NAMES[29], 'lo'));
      await first.until('qdisc');
      prints.push(fingerprint(world));
      assert.equal(new Set(prints).size, 3);
    } finally {
      first.stop();
    }
    assert.equal(fingerprint(world), prints[2], 'as without a memory');
  });

  test('what has changed while nobody watched is seen by the next watcher', async () => {
    using world = open();
    await allLedTo(world, 'eth0');
    const first = listen(world);
    fingerprint(world);
    first.stop();
    await done(
      world,
      NAMES.map((name) => lead(name, 'lo')),
    );
    const second = listen(world);
    const watched = fingerprint(world);
    second.stop();
    assert.equal(watched, fingerprint(world));
  });
}
