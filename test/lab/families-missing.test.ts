// A node that cannot have a family which the configuration switches on says so and goes on as it
// is, and its peers reach it by the family that it has; when it can, it takes the family. Nodes
// whose agents were away come to the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PairResult } from '../../src/lab/check.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { FAMILIES } from '../../src/net/family.ts';
import {
  attachToAll,
  detach,
  enabling,
  familiesOfPod,
  hasAll,
  namesOf,
  stateOf,
  untilFamily,
  untilNothingIsLeft,
} from './family-pods.ts';
import { kernelText } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { assertNothingLost, whileProbing } from './probing.ts';
import { untilEvent } from './words.ts';

const NETWORKS = { Network: '10.244.0.0/16', IPv6Network: 'fd00:244::/48' };
const SINGLE = { ...NETWORKS, ...enabling('ipv4') };
const ODD = 'node3';

const even = (lab: TestLab): string[] => namesOf(lab).filter((name) => name !== ODD);

/** The others are dual, this node is as it was and says why. */
async function mustBeAlone(lab: TestLab, says: RegExp): Promise<void> {
  for (const name of even(lab)) {
    await lab.untilStatus(name, 'has both families', (status) => {
      const peers = status.peers.filter(({ peer }) => peer === ODD);
      const isOne = peers.length === 1 && peers[0]?.family === 'ipv4';
      return stateOf(status, 'ipv6') === 'served' && isOne && status.ready;
    });
  }
  const consequence = /EnableIPv6 is true, but pods of this node get no IPv6/;
  const { lease } = await lab.untilStatus(ODD, `says ${says}`, ({ problems }) =>
    [says, consequence].every((words) => problems.some((text) => words.test(text))),
  );
  assert.equal(lease.subnets.length, 1);
  assert.match(await untilEvent(lab, ODD, 'FamilyMissing'), says);
}

test('a node without a podCIDR of the new family says so and stays as it is', async () => {
  const netConf = { ...SINGLE, SubnetSource: 'podCIDR' };
  const options = { families: [...FAMILIES], netConf, withoutPodCidrs: true, settles: false };
  await withLab(options, async (lab) => {
    for (const [index, name] of namesOf(lab).entries()) {
      const [v4, v6] = [`10.244.${index + 1}.0/24`, `fd00:244:0:${index + 1}::/64`];
      const podCIDRs = name === ODD ? [v4] : [v4, v6];
      await lab.api.patchNode(name, { spec: { podCIDR: v4, podCIDRs } });
    }
    await lab.settled();
    await attachToAll(lab, 1, ['ipv4']);
    const before = kernelText(lab, ODD);
    const result = await whileProbing(lab, async () => {
      await lab.datastore.putNetConf(JSON.stringify({ ...netConf, ...enabling(...FAMILIES) }));
      await mustBeAlone(lab, /Node node3 has no IPv6 podCIDR \(spec\.podCIDRs is 10\.244\.3\.0/);
      for (const name of namesOf(lab)) {
        const pod = await lab.attach(name, 2);
        assert.deepEqual(familiesOfPod(pod), name === ODD ? ['ipv4'] : [...FAMILIES]);
      }
      // That node itself takes no part in IPv6: what pods send to it comes with a node's address.
      const isOdd = ({ family, from, to }: PairResult): boolean =>
        family === 'ipv6' && [from, to].includes(ODD);
      await lab.mustReachWhere((pair) => !isOdd(pair));
      const [, address = ''] = lab.node(ODD).addresses;
      assert.match(lab.run('node1-pod2', `ping -6 -c 1 -W 10 ${address}`), /1 received/);
    });
    assertNothingLost(result);
    await detach(lab, ODD, 2);
    await until('it is as before', () => kernelText(lab, ODD) === before).catch(() =>
      assert.equal(kernelText(lab, ODD), before),
    );
  });
});

test('a node without an address of the new family says so, and takes it with the address', async () => {
  const options = { subnetSource: 'lease', families: [...FAMILIES], netConf: SINGLE } as const;
  await withLab(options, async (lab) => {
    const [, address = ''] = lab.node(ODD).addresses;
    lab.run(ODD, `ip address del ${address}/64 dev eth0`);
    const text = await lab.datastore.netConfText();
    const result = await whileProbing(lab, async () => {
      await lab.datastore.putNetConf(
        JSON.stringify({ ...JSON.parse(text), ...enabling(...FAMILIES) }),
      );
      await mustBeAlone(lab, /this node has no IPv6 address for its peers: give it an IPv6/);
      lab.run(ODD, `ip address add ${address}/64 dev eth0 nodad`);
      await untilFamily(lab, 'ipv6', 'served');
      await lab.settled();
      await attachToAll(lab, 2, FAMILIES);
      await lab.mustReach();
    });
    assertNothingLost(result);
    await lab.untilStatus(ODD, 'has no problem', ({ problems }) => problems.length === 0);
  });
});

test('agents that were away during both changes come to the same', async () => {
  const options = { subnetSource: 'lease', families: [...FAMILIES], netConf: SINGLE } as const;
  await withLab(options, async (lab) => {
    const result = await whileProbing(lab, async () => {
      const text = await lab.datastore.netConfText();
      const edited = JSON.stringify({ ...JSON.parse(text), ...enabling(...FAMILIES) });
      await lab.endAgent(ODD, 'SIGKILL');
      await lab.datastore.putNetConf(edited);
      for (const name of even(lab)) {
        await lab.untilStatus(name, 'is dual', (status) => stateOf(status, 'ipv6') === 'served');
      }
      lab.startAgent(ODD);
      await untilFamily(lab, 'ipv6', 'served');
      await attachToAll(lab, 2, FAMILIES);
      await lab.settled();
      await lab.mustReach();
    });
    assertNothingLost(result);
    const dual = await whileProbing(
      lab,
      async () => {
        await lab.endAgent(ODD, 'SIGTERM');
        await lab.datastore.putNetConf(JSON.stringify({ ...SINGLE, SubnetSource: 'lease' }));
        for (const name of even(lab)) {
          await lab.untilStatus(name, 'keeps it', (status) => stateOf(status, 'ipv6') === 'kept');
        }
        await systemClock.sleep(KEPT_FOR_MS);
      },
      hasAll,
    );
    assertNothingLost(dual);
    for (const name of even(lab)) await detach(lab, name, 2);
    await systemClock.sleep(KEPT_FOR_MS);
    for (const name of even(lab)) {
      // What that node's pods have, its advert says, whether its agent runs or not.
      assert.equal(stateOf(await lab.status(name), 'ipv6'), 'kept');
    }
    lab.startAgent(ODD);
    await untilFamily(lab, 'ipv6', 'kept');
    await detach(lab, ODD, 2);
    await untilFamily(lab, 'ipv6', 'gone');
    await untilNothingIsLeft(lab, 'ipv6');
  });
});

/** Longer than a family that nobody uses lasts. */
const KEPT_FOR_MS = 7_000;
