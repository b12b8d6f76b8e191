// A pod's rates on a node with an agent: whatever somebody takes away of them is put back, with the
// agent there or when it comes again, and CHECK names what is missing meanwhile.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { runCommand } from '../../src/lab/command.ts';
import { egressLinkOf } from '../../src/state/own.ts';
import { withinSomeTime } from '../system/some-time.ts';
import type { CniOutcome } from './cni.ts';
import { cni } from './cni.ts';
import type { Drift } from './drifts.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { median, repairMs } from './repair-time.ts';

const ROUNDS = 5;
/** Some 30 ms on a machine that is not busy. */
const MEDIAN_MAX_MS = 1000;
const NODE = 'node1';
const ID = 'shaped';
const BANDWIDTH = { ingressRate: 20e6, ingressBurst: 2 ** 32 - 1, egressRate: 10e6 };

type Shaped = { readonly netns: string; readonly result: CniOutcome; readonly link: string };

async function addShaped(lab: TestLab): Promise<Shaped> {
  const { netns } = lab.planPod(NODE, 10);
  await runCommand(['ip', 'netns', 'add', netns]);
  const config = { runtimeConfig: { bandwidth: BANDWIDTH } };
  const result = await cni(lab, { node: NODE, verb: 'ADD', containerId: ID, netns, config });
  assert.equal(result.exitCode, 0, JSON.stringify(result));
  const interfaces = result.json.interfaces as readonly { readonly name: string }[];
  return { netns, result, link: interfaces[0]?.name ?? assert.fail() };
}

const check = (lab: TestLab, { netns, result }: Shaped): Promise<CniOutcome> =>
  cni(lab, {
    ...{ node: NODE, verb: 'CHECK', containerId: ID, netns },
    config: { prevResult: result.json },
  });

/** Without the numbers of links and of what filters count. */
const shapingText = (lab: TestLab, link: string): string =>
  [
    `tc qdisc show dev ${link}`,
    `tc filter show dev ${link} ingress`,
    `tc qdisc show dev ${egressLinkOf(link)}`,
    `ip -o link show ${egressLinkOf(link)}`,
  ]
    .map((command) => lab.runArgv(NODE, ['sh', '-c', `${command} 2>&1 || true`]))
    .join('')
    .replaceAll(/^\d+: /gm, '')
    .replaceAll(/\bindex \d+/g, 'index');

function harmsTo(link: string): Drift[] {
  const egress = egressLinkOf(link);
  const rate = (name: string, bits: string): string =>
    `tc qdisc show dev ${name} | grep -q 'tbf 71: root .* rate ${bits} '`;
  const filter = `tc filter show dev ${link} ingress | grep -q 'Redirect to device ${egress}'`;
  const whole = `${rate(link, '20Mbit')} && ${rate(egress, '10Mbit')} && ${filter}`;
  return [
    { kind: 'ingress bucket', harm: `tc qdisc del dev ${link} root`, isBack: whole },
    {
      kind: 'ingress bucket, rate',
      harm: `tc qdisc change dev ${link} root handle 71: tbf rate 1gbit burst 1m limit 1m`,
      isBack: whole,
    },
    {
      kind: 'ingress bucket, another',
      harm: `tc qdisc replace dev ${link} root handle 9: pfifo`,
      isBack: whole,
    },
    { kind: 'egress bucket', harm: `tc qdisc del dev ${egress} root`, isBack: whole },
    { kind: 'redirection', harm: `tc filter del dev ${link} ingress`, isBack: whole },
    { kind: 'place of filters', harm: `tc qdisc del dev ${link} clsact`, isBack: whole },
    { kind: 'egress link', harm: `ip link del ${egress}`, isBack: whole },
    {
      kind: 'egress link, down',
      harm: `ip link set ${egress} down`,
      isBack: `ip link show ${egress} | grep -q '[<,]UP[,>]'`,
    },
    {
      kind: 'host veth',
      harm: `ip link del ${link}`,
      isBack: `${whole} && ip link show ${link} | grep -q 'alias ${ID}'`,
    },
  ];
}

test('what somebody takes away of a pod with rates is back at once', async (t) => {
  await withLab({ nodeCount: 1, podsPerNode: 1 }, async (lab) => {
    const shaped = await addShaped(lab);
    const { link } = shaped;
    const before = shapingText(lab, link);
    for (const harm of harmsTo(link)) {
      await withinSomeTime(MEDIAN_MAX_MS, async () => {
        const samples: number[] = [];
        for (let round = 0; round < ROUNDS; round += 1) {
          samples.push(await repairMs(lab, NODE, harm));
        }
        return report(t, harm.kind, samples);
      });
      await until(`${harm.kind} is as before`, () => shapingText(lab, link) === before).catch(() =>
        assert.equal(shapingText(lab, link), before),
      );
    }
    await lab.untilStatus(NODE, 'no pod is broken', ({ pods }) => pods.broken.length === 0);
    const checked = await check(lab, shaped);
    assert.equal(checked.exitCode, 0, JSON.stringify(checked));
    assert.deepEqual((await lab.status(NODE)).fights, []);
  });
});

test('an agent that comes again puts back what was taken away meanwhile, and leaves the rest', async () => {
  await withLab({ nodeCount: 1, podsPerNode: 1 }, async (lab) => {
    const { link } = await addShaped(lab);
    const egress = egressLinkOf(link);
    const before = shapingText(lab, link);
    await lab.endAgent(NODE, 'SIGTERM');
    lab.startAgent(NODE);
    await lab.settled();
    assert.equal(shapingText(lab, link), before);
    await lab.endAgent(NODE, 'SIGTERM');
    lab.run(NODE, `tc qdisc del dev ${link} root`);
    lab.run(NODE, `ip link del ${egress}`);
    lab.run(NODE, 'ip link add poplini0000000 type ifb');
    lab.startAgent(NODE);
    await until('all of it is back', () => shapingText(lab, link) === before);
    await until(
      'what is nobody’s is gone',
      () => !lab.run(NODE, 'ip link').includes('poplini0000000'),
    );
  });
});

function report(t: TestContext, kind: string, samples: readonly number[]): number {
  const took = median(samples);
  t.diagnostic(`${kind}: ${took.toFixed(1)} ms, at most ${Math.max(...samples).toFixed(1)} ms`);
  return took;
}
