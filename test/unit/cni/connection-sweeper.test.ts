// What the kernel remembers of connections of pods that are gone: forgotten a moment later for all
// together, or before a new pod of such an address has anything that leads to it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StaleConnections } from '../../../src/kernel/kernel.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { FakeCniNode } from '../../fake/cni-node.ts';

const ADDRESS = '10.244.1.9' as Ip;
const AGAIN = { env: { CNI_CONTAINERID: 'c2', CNI_ARGS: `IgnoreUnknown=1;IP=${ADDRESS}` } };

/** A node whose pod of that address has just ended. */
async function nodeAfterDel(): Promise<FakeCniNode> {
  const node = new FakeCniNode();
  const first = await node.call('ADD', { env: { ...AGAIN.env, CNI_CONTAINERID: 'c1' } });
  assert.equal(first.exitCode, 0, first.stdout);
  assert.equal((await node.call('DEL')).exitCode, 0);
  assert.deepEqual(node.host.forgotten, []);
  return node;
}

/** Of those that were asked to be forgotten, which would be now. */
const free = (stale: readonly StaleConnections[]): Ip[] =>
  stale.flatMap((one) => (one.kind === 'of-address' && one.isFree() ? [one.address] : []));

test('an address that is not given again is swept a moment after its DEL', async () => {
  const node = await nodeAfterDel();
  await node.clock.advance(300);
  assert.equal(free(node.host.forgotten).includes(ADDRESS), true);
});

test('one that is given again before is swept first, and not while the new pod runs', async () => {
  const node = await nodeAfterDel();
  let linksThen = -1;
  const { forgetConnections } = node.host;
  node.host.forgetConnections = (stale) => {
    if (linksThen === -1) linksThen = node.host.namespace.links.size;
    return forgetConnections.call(node.host, stale);
  };
  assert.equal((await node.call('ADD', AGAIN)).exitCode, 0);
  assert.deepEqual(free(node.host.forgotten), [ADDRESS]);
  assert.equal(linksThen, 1, 'nothing but lo');
  const before = node.host.forgotten.length;
  await node.clock.advance(10_000);
  assert.equal(free(node.host.forgotten.slice(before)).includes(ADDRESS), false);
});

test('one that is given again in the middle of a sweep is swept once more', async () => {
  const node = await nodeAfterDel();
  const sweeps: (readonly StaleConnections[])[] = [];
  const ends: (() => void)[] = [];
  node.host.forgetConnections = (stale) => {
    sweeps.push(stale);
    return new Promise((resolve) => ends.push(() => resolve(0)));
  };
  await node.clock.advance(300);
  const adding = node.call('ADD', AGAIN);
  await node.clock.advance(10);
  assert.equal(sweeps.length, 2);
  assert.deepEqual(free(sweeps[0] ?? []).includes(ADDRESS), false, 'it is taken');
  assert.deepEqual(free(sweeps[1] ?? []), [ADDRESS]);
  for (const end of ends) end();
  assert.equal((await adding).exitCode, 0);
});

test('an ADD does not fail when they cannot be forgotten', async () => {
  const node = await nodeAfterDel();
  node.host.forgetConnections = () =>
    Promise.reject(new AppError('NETLINK', 'read connections', 'made to fail'));
  assert.equal((await node.call('ADD', AGAIN)).exitCode, 0);
});
