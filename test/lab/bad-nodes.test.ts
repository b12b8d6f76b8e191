// Nodes whose data is missing or wrong: each says so, or is named by the others, and nobody else is
// harmed (invariant 10).

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { parseAdvert, renderPromise } from '../../src/cluster/advert.ts';
import { runCommand } from '../../src/lab/command.ts';
import type { Ip } from '../../src/net/ip.ts';
import { ADVERT_ANNOTATION, FLANNEL_PREFIX } from '../../src/source/kubernetes/annotations.ts';
import { addressesIn, cni } from './cni.ts';
import { kernelTexts } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';

/** A tenth of a second, where nothing else is done; who only looks now and then takes longer. */
const AT_ONCE_MS = 8_000;

const podCidr = (cidr: string) => ({ spec: { podCIDR: cidr, podCIDRs: [cidr] } });

async function untilEvent(lab: TestLab, node: string, reason: string): Promise<string> {
  return until(`an Event ${reason} of ${node}`, async () => {
    const events = await lab.api.events();
    return events.find((event) => event.involvedObject.name === node && event.reason === reason)
      ?.message;
  });
}

const advertOf = async (lab: TestLab, node: string): Promise<string> => {
  const { metadata } = await lab.api.readNode(node);
  return metadata?.annotations?.[ADVERT_ANNOTATION] ?? assert.fail(`${node} has no advert`);
};

/** What it says but by what the node sends, which follows its paths at their own time. */
function promiseOf(text: string | undefined): string {
  const read = parseAdvert(text ?? '');
  return read.kind === 'ok' ? renderPromise(read.advert) : '';
}

/** Until every other node names `node` with these words. */
async function untilNamed(lab: TestLab, node: string, says: RegExp): Promise<void> {
  for (const { name } of lab.plan.nodes.filter((other) => other.name !== node)) {
    await lab.untilStatus(name, `${node} is named: ${says}`, ({ nodeProblems }) =>
      says.test(nodeProblems[node]?.join('; ') ?? ''),
    );
  }
}

test('a node without a podCIDR waits, says so, and starts pods as soon as it has one', async () => {
  const netConf = { SubnetSource: 'podCIDR' };
  const options = { nodeCount: 2, withoutPodCidrs: true, settles: false, netConf } as const;
  await withLab(options, async (lab) => {
    const { pid } = lab.agent('node1');
    const says = /Node node1 has no podCIDR/;
    await lab.untilStatus('node1', 'says so', ({ problems }) => says.test(problems.join()));
    assert.match(await untilEvent(lab, 'node1', 'NoSubnet'), says);
    const status = await cni(lab, { node: 'node1', verb: 'STATUS' });
    assert.notEqual(status.exitCode, 0);
    assert.match(JSON.stringify(status.json), says);
    const { cniConfDir } = lab.directory.node('node1');
    assert.deepEqual(readdirSync(cniConfDir), [], 'no conflist before pods can be started');

    const { netns } = lab.planPod('node1', 1);
    await runCommand(['ip', 'netns', 'add', netns]);
    const adding = cni(lab, { node: 'node1', verb: 'ADD', containerId: 'early', netns });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const patchedMs = performance.now();
    await lab.api.patchNode('node1', podCidr('10.244.7.0/24'));
    const added = await adding;
    assert.equal(added.exitCode, 0, JSON.stringify(added));
    assert.deepEqual(addressesIn(added), ['10.244.7.2']);
    assert.ok(performance.now() - patchedMs < AT_ONCE_MS, 'the pod comes at once');

    await lab.api.patchNode('node2', podCidr('10.244.9.0/24'));
    await lab.settled();
    await lab.attach('node1', 2);
    await lab.attach('node2', 1);
    await lab.mustReach();
    await untilEvent(lab, 'node1', 'NoSubnetResolved');
    assert.equal(lab.agent('node1').pid, pid);
  });
});

test('of two nodes with one podCIDR the older keeps it', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const before = kernelTexts(lab);
    const advert = (await advertOf(lab, 'node2')).replaceAll('192.168.100.12', '192.168.100.99');
    const reports = await whilePinging(lab, async () => {
      await lab.api.createNode('usurper', ['192.168.100.99' as Ip], {
        metadata: { annotations: { [ADVERT_ANNOTATION]: advert } },
        ...podCidr('10.244.1.0/24'),
      });
      await untilNamed(lab, 'usurper', /10\.244\.1\.0\/24 overlaps .* of the older node node2/);
      assert.deepEqual(kernelTexts(lab).map(withoutNodeSet), before.map(withoutNodeSet));
      await lab.mustReach();
      await lab.api.deleteNode('usurper');
      for (const { name } of lab.plan.nodes) {
        const isNamed = ({ nodeProblems }: { nodeProblems: object }) => 'usurper' in nodeProblems;
        await lab.untilStatus(name, 'forgets it', (status) => !isNamed(status));
      }
      assert.deepEqual(kernelTexts(lab), before);
    });
    assertNothingLost(reports);
  });
});

/** Nodes' addresses are known to the filters before their subnets are. */
const withoutNodeSet = (text: string): string => text.replace(/elements = \{[^}]*\}/g, '');

test('a re-created Node with the podCIDR of another is told, and harms nobody', async () => {
  await withLab({}, async (lab) => {
    const { addresses } = lab.node('node3');
    await lab.api.deleteNode('node3');
    await lab.api.createNode('node3', addresses, podCidr('10.244.0.0/24'));
    const says = /10\.244\.0\.0\/24 overlaps .* of the older node node1: node3 is left out/;
    assert.match(await untilEvent(lab, 'node3', 'NodeDataInvalid'), says);
    await untilNamed(lab, 'node3', says);
    const status = await cni(lab, { node: 'node3', verb: 'STATUS' });
    assert.match(JSON.stringify(status.json), says);
    const isWell = (name: string): boolean => !name.startsWith('node3');
    await lab.mustReachWhere(({ from, to }) => isWell(from) && isWell(to));

    await lab.api.deleteNode('node3');
    await lab.api.createNode('node3', addresses, podCidr('10.244.2.0/24'));
    await untilEvent(lab, 'node3', 'NodeDataInvalidResolved');
    await lab.settled();
    await lab.mustReach();
  });
});

/** What is wrong, the text made of a good one, and what the others say of it. */
const MALFORMED: readonly (readonly [string, (good: string) => string, RegExp])[] = [
  ['no JSON', () => 'no JSON', /not JSON/],
  ['no object', () => '[]', /advert/],
  ['another version', () => '{"v":2}', /v/],
  [
    'a bad address',
    (good) => good.replace('192.168.100.13', '192.168.100.300'),
    /"192\.168\.100\.300" is not an address/,
  ],
  [
    'a bad Ethernet address',
    (good) => good.replace(/"mac":"[^"]*"/, '"mac":"zz"'),
    /"zz" is not an Ethernet address/,
  ],
  ['a bad VNI', (good) => good.replace(/"vni":\d+/, '"vni":16777216'), /vni/],
  [
    'a hundred addresses',
    (good) => JSON.stringify({ ...JSON.parse(good), underlay: Array(100).fill('1.1.1.1') }),
    /underlay/,
  ],
];

async function assertLeftOut(lab: TestLab, node: string, peer: string): Promise<void> {
  const { peers } = await lab.untilStatus(node, `leaves ${peer} out`, (status) =>
    status.peers.some((path) => path.peer === peer && path.used === 'none'),
  );
  const unreachable = peers.filter(({ used }) => used === 'none');
  assert.deepEqual(
    unreachable.map((path) => path.peer),
    [peer],
  );
  assert.doesNotMatch(lab.run(node, 'ip route'), /10\.244\.2\.0/);
}

test('a malformed advert leaves out its node alone, which is named', async (t) => {
  await withLab({}, async (lab) => {
    const good = await advertOf(lab, 'node3');
    // A running agent would put it right at once.
    await lab.endAgent('node3', 'SIGTERM');
    const overwrite = async (): Promise<void> => {
      for (const [name, change, says] of MALFORMED) {
        await t.test(name, async () => {
          await lab.api.annotateNode('node3', { [ADVERT_ANNOTATION]: change(good) });
          await untilNamed(lab, 'node3', says);
          for (const other of ['node1', 'node2']) await assertLeftOut(lab, other, 'node3');
        });
      }
      lab.startAgent('node3');
      await lab.settled();
      await lab.mustReach();
    };
    const others = lab.plan.pods.filter(({ node }) => node !== 'node3');
    assertNothingLost(await whilePinging(lab, overwrite, others));
  });
});

test('an advert that somebody overwrites is put right by its agent', async () => {
  await withLab({}, async (lab) => {
    // With all that it learns at the start.
    const good = await until('its last advert', async () => {
      const text = await advertOf(lab, 'node3');
      return (JSON.parse(text) as { sends?: readonly string[] }).sends?.includes('vxlan') && text;
    });
    for (const value of ['no JSON', null]) {
      await lab.api.annotateNode('node3', { [ADVERT_ANNOTATION]: value });
      await until('it is as before', async () => {
        const { metadata } = await lab.api.readNode('node3');
        return promiseOf(metadata?.annotations?.[ADVERT_ANNOTATION]) === promiseOf(good);
      });
    }
    await lab.settled();
    await lab.mustReach();
  });
});

test('malformed annotations of Flannel are named, and the advert beside them goes on', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    // A running agent would put its annotations right at once.
    await lab.endAgent('node2', 'SIGTERM');
    await lab.api.annotateNode('node2', {
      [`${FLANNEL_PREFIX}/kube-subnet-manager`]: 'true',
      [`${FLANNEL_PREFIX}/backend-type`]: 'vxlan',
      [`${FLANNEL_PREFIX}/backend-data`]: '{"VNI":1,"VtepMAC":"zz"}',
      [`${FLANNEL_PREFIX}/public-ip`]: '192.168.100.300',
    });
    await untilNamed(lab, 'node2', /backend-data.*VtepMAC.*public-ip|public-ip.*backend-data/);
    await lab.mustReach();
    lab.startAgent('node2');
    await lab.untilStatus(
      'node1',
      'they are put right',
      (status) => Object.keys(status.nodeProblems).length === 0,
    );
    await lab.mustReach();
  });
});

test('a node that only Flannel speaks for, with malformed data, harms nobody', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const before = kernelTexts(lab);
    await lab.api.createNode('old', [], {
      metadata: { annotations: { [`${FLANNEL_PREFIX}/kube-subnet-manager`]: 'true' } },
      ...podCidr('10.244.8.0/24'),
    });
    await lab.api.createNode('elsewhere', [], podCidr('10.99.8.0/24'));
    await untilNamed(lab, 'old', /backend-type/);
    await untilNamed(lab, 'elsewhere', /10\.99\.8\.0\/24 is not inside the network/);
    assert.deepEqual(kernelTexts(lab), before);
    await lab.mustReach();
  });
});

test('nothing of a node is left on its peers when its Node is deleted', async () => {
  await withLab({}, async (lab) => {
    await lab.endAgent('node3', 'SIGTERM');
    await lab.api.deleteNode('node3');
    for (const name of ['node1', 'node2']) {
      await until(`${name} forgets node3`, () => {
        const all = [
          lab.run(name, 'ip route'),
          lab.run(name, 'bridge fdb show dev poplin4-1'),
          lab.run(name, 'ip neighbour show dev poplin4-1'),
          lab.run(name, 'ip nexthop'),
        ].join('');
        return !/192\.168\.100\.13|10\.244\.2\./.test(all);
      });
    }
    assert.ok(existsSync(lab.directory.path));
  });
});
