// The address families of a cluster change while pods run: to dual stack and back, for each way in
// which nodes get their subnets. Nothing is lost between pods that were there before, they keep
// what they were told, and a dropped family lasts as long as its last pod.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import type { Family } from '../../src/net/family.ts';
import { FAMILIES } from '../../src/net/family.ts';
import {
  attachToAll,
  detach,
  enabling,
  familiesOfPod,
  hasAll,
  mustBeAsAdded,
  namesOf,
  reasonOf,
  stateOf,
  untilFamily,
  untilNothingIsLeft,
} from './family-pods.ts';
import type { TestLab } from './lab.ts';
import { withLab } from './lab.ts';
import { assertNothingLost, whileProbing } from './probing.ts';
import { reportOf, runSwitch } from './switching.ts';

/** Longer than a family that nobody uses lasts. */
const KEPT_FOR_MS = 7_000;

const other = (family: Family): Family => (family === 'ipv4' ? 'ipv6' : 'ipv4');

const WAYS = [
  { first: 'ipv4', by: 'Leases', options: { subnetSource: 'lease' } },
  { first: 'ipv6', by: 'Leases', options: { subnetSource: 'lease', backend: 'host-gw' } },
  { first: 'ipv4', by: 'podCIDRs', options: { subnetSource: 'podCIDR' } },
  { first: 'ipv4', by: 'etcd', options: { datastore: 'etcd' } },
] as const;

for (const { first, by, options } of WAYS) {
  test(`from ${first} to dual stack and back, by ${by}`, async () => {
    const netConf = { ...enabling(first), IPv6Network: 'fd00:244::/48', Network: '10.244.0.0/16' };
    await withLab({ ...options, families: [...FAMILIES], netConf }, async (lab) => {
      await becomeDual(lab, first);
      await dropAgain(lab, first);
    });
  });
}

test('lab switch turns a family on and off as any other key', async () => {
  const netConf = { ...enabling('ipv4'), IPv6Network: 'fd00:244::/48' };
  await withLab({ subnetSource: 'lease', families: [...FAMILIES], netConf }, async (lab) => {
    const on = await reportOf(lab, 'vxlan --set EnableIPv6=true');
    assert.equal(on.lost, 0);
    await untilFamily(lab, 'ipv6', 'served');
    const off = await reportOf(lab, 'host-gw --set EnableIPv6=false');
    assert.equal(off.lost, 0);
    await untilNothingIsLeft(lab, 'ipv6');
    const { code, err } = await runSwitch(lab, 'vxlan --set EnableIPv6=true --set IPv6Network=');
    assert.equal(code, 2, err);
    assert.match(err, /IPv6Network/);
  });
});

async function becomeDual(lab: TestLab, first: Family): Promise<void> {
  const before = lab.plan.pods.map(({ name }) => lab.run(name, 'ip -o address show scope global'));
  const result = await whileProbing(lab, async () => {
    await lab.edit(enabling(...FAMILIES));
    await untilFamily(lab, other(first), 'served');
    await attachToAll(lab, 2, FAMILIES);
    for (const { name } of lab.plan.pods) await mustBeAsAdded(lab, name);
    await lab.settled();
    await lab.mustReach();
  });
  assertNothingLost(result);
  const after = lab.plan.pods.map(({ name }) => lab.run(name, 'ip -o address show scope global'));
  assert.deepEqual(after, before, 'running pods have what they were told');
  for (const { name } of lab.plan.pods) assert.deepEqual(familiesOfPod(lab.pod(name)), [first]);
}

async function dropAgain(lab: TestLab, first: Family): Promise<void> {
  const dropped = other(first);
  const [killed = '', ...others] = namesOf(lab);
  const result = await whileProbing(
    lab,
    async () => {
      await lab.edit(enabling(first));
      await untilFamily(lab, dropped, 'kept');
      await lab.endAgent(killed, 'SIGKILL');
      lab.startAgent(killed);
      await attachToAll(lab, 3, [first]);
      await systemClock.sleep(KEPT_FOR_MS);
      await untilFamily(lab, dropped, 'kept');
      for (const { name } of lab.plan.pods) await mustBeAsAdded(lab, name);
    },
    hasAll,
  );
  assertNothingLost(result);
  assert.ok(result.pairs.some(({ family }) => family === dropped));
  await detach(lab, killed, 2);
  // Others have such pods: this node is reached by them, and reaches them.
  await lab.untilStatus(killed, 'names the nodes that use it', (status) => {
    const reason = reasonOf(status, dropped);
    return !/this node's pods/.test(reason) && others.every((name) => reason.includes(name));
  });
  await systemClock.sleep(KEPT_FOR_MS);
  assert.equal(stateOf(await lab.status(killed), dropped), 'kept');
  for (const name of others) await detach(lab, name, 2);
  const last = await whileProbing(lab, async () => {
    await untilFamily(lab, dropped, 'gone');
    await untilNothingIsLeft(lab, dropped);
  });
  assertNothingLost(last);
}
