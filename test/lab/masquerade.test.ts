// Whom a receiver sees. Outside of the cluster it is the node that a pod is on, unless that is
// switched off or the destination is excluded; inside of it everybody sees the pod itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Endpoint, PairResult } from '../../src/lab/check.ts';
import { checkReachability } from '../../src/lab/check.ts';
import { endpointsOf } from '../../src/lab/endpoints.ts';
import { netnsPath } from '../../src/lab/netns.ts';
import type { Family } from '../../src/net/family.ts';
import { FAMILIES } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';

const POD = 'node1-pod1';
const PROBE_TIMEOUT_MS = 1_000;
const DUAL = { families: FAMILIES, nodeCount: 2 } as const;

const outsideOf = ({ plan }: TestLab): Endpoint => ({
  ...{ name: 'outside', kind: 'node', node: 'outside', netns: netnsPath(plan.outside.netns) },
  ...{ addresses: plan.outside.addresses, sourceAddresses: [], mtuBytes: plan.spec.mtuBytes },
});

/** What the host outside saw of a pod's packets. */
async function seenOutside(lab: TestLab, podName: string): Promise<PairResult[]> {
  const endpoints = endpointsOf(lab.plan, lab.directory);
  const pod = endpoints.find(({ name }) => name === podName) ?? assert.fail();
  const stop = new AbortController().signal;
  const options = { timeoutMs: PROBE_TIMEOUT_MS, stop };
  const { pairs } = await checkReachability([pod, outsideOf(lab)], options);
  return pairs.filter(({ from }) => from === podName);
}

const ofFamily = (addresses: readonly Ip[], family: Family): Ip =>
  addresses.find((ip) => familyOf(ip) === family) ?? assert.fail(`no ${family} address`);

/** TCP tells nothing when no answer comes back, so that only UDP is looked at then. */
async function assertSeenAs(lab: TestLab, who: 'node' | 'pod', families = FAMILIES): Promise<void> {
  // On a busy machine a packet may come too late: then all are asked again.
  await until(`each is seen outside as the ${who}`, async () => {
    const seen = await seenOutside(lab, POD);
    const missing: unknown[] = [];
    for (const { family, protocol, seenSource } of seen) {
      if (!families.includes(family) || (who === 'pod' && protocol === 'tcp')) continue;
      const node = ofFamily(lab.node('node1').addresses, family);
      const wanted = who === 'node' ? node : lab.podAddress(POD, family);
      if (seenSource === null) missing.push(family);
      else assert.equal(seenSource, wanted, `${family} ${protocol}`);
    }
    return missing.length === 0;
  });
}

describe('whom the world outside sees', () => {
  test('is the node, and inside of the cluster the pod itself', async () => {
    await withLab(DUAL, async (lab) => {
      await assertSeenAs(lab, 'node');
      // That the receiver sees the sender's own address is a part of this check.
      await lab.mustReach();
    });
  });

  test('is the pod with Masquerade: false, at once, and the node again when it is back', async () => {
    await withLab(DUAL, async (lab) => {
      await lab.edit({ Masquerade: false });
      await assertSeenAs(lab, 'pod');
      await lab.mustReach();
      await lab.edit({ Masquerade: true });
      await assertSeenAs(lab, 'node');
    });
  });

  test('is the pod for what MasqueradeExclude names, and the node for all else', async () => {
    await withLab(DUAL, async (lab) => {
      await lab.edit({ MasqueradeExclude: ['198.51.100.0/28', '192.0.2.0/24'] });
      await assertSeenAs(lab, 'pod', ['ipv4']);
      await assertSeenAs(lab, 'node', ['ipv6']);
      await lab.edit({ MasqueradeExclude: ['192.0.2.0/24', '2001:db8:0:ffff::/64'] });
      await assertSeenAs(lab, 'node', ['ipv4']);
      await assertSeenAs(lab, 'pod', ['ipv6']);
    });
  });
});
