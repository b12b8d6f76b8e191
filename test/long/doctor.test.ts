// What the doctor can find only after some time: a hop that takes less than both ends believe,
// pods' addresses that the network between the nodes eats, a peer that is gone, and BGP sessions
// that do not come up; and etcd in the place of the Kubernetes API. Each is found alone, and
// nothing is found when it is over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killSidecar, startSidecar } from '../../src/lab/bird.ts';
import { bird, isSpeaking, untilAllBgp } from '../lab/birds.ts';
import { diagnosisOf, runDoctor, untilFound } from '../lab/doctor.ts';
import { aDayAhead, load, NODE, PEER } from '../lab/doctor-scenarios.ts';
import type { TestLab } from '../lab/lab.ts';
import { effects, until, withLab } from '../lab/lab.ts';
import { killEtcd, restartEtcd } from '../lab/lab-etcd.ts';

const TEST_TIMEOUT_MS = 900_000;

/** A rule for all that goes between the nodes; returns what takes it away. */
function inFabric({ lab, rule }: { readonly lab: TestLab; readonly rule: string }): () => void {
  const { fabricNetns } = lab.plan;
  const chain = `chain hop {\ntype filter hook forward priority 0\n${rule} drop\n}`;
  load(fabricNetns, `table bridge hop {\n${chain}\n}\n`);
  return () => lab.runIn(fabricNetns, ['nft', 'delete', 'table', 'bridge', 'hop']);
}

async function isFound(
  lab: TestLab,
  { check, says }: { readonly check: string; readonly says: RegExp },
): Promise<void> {
  const [finding] = await untilFound(lab, NODE, { checks: [check] });
  assert.match(finding?.what ?? '', says);
}

test('what shows itself in time is found, alone', { timeout: TEST_TIMEOUT_MS }, async (t) => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    await t.test('a hop that takes less', async () => {
      const mend = inFabric({ lab, rule: 'ip length > 1400' });
      await isFound(lab, { check: 'path-mtu', says: /node2 \(ipv4\) takes 1350 bytes, not 1450/ });
      mend();
      await untilFound(lab, NODE, { checks: [] });
    });

    await t.test('a peer that is gone', async () => {
      lab.runIn(lab.plan.fabricNetns, ['ip', 'link', 'set', PEER, 'down']);
      await isFound(lab, { check: 'peer-silent', says: /from node2.*192\.168\.100\.12/ });
      lab.runIn(lab.plan.fabricNetns, ['ip', 'link', 'set', PEER, 'up']);
      await untilFound(lab, NODE, { checks: [] });
    });

    await t.test("pods' addresses that the network eats", async () => {
      await lab.edit({ Backend: { Type: 'host-gw' } });
      await lab.settled(({ peers }) => peers.every(({ used }) => used === 'host-gw'), 120_000);
      await untilFound(lab, NODE, { checks: [] });
      const mend = inFabric({ lab, rule: 'ip saddr 10.244.0.0/16' });
      await isFound(lab, { check: 'source-check', says: /node2 by host-gw/ });
      mend();
      await untilFound(lab, NODE, { checks: [] });
    });
  });
});

test('etcd is asked as well', { timeout: TEST_TIMEOUT_MS }, async () => {
  await withLab({ nodeCount: 2, datastore: 'etcd' }, async (lab) => {
    await untilFound(lab, NODE, { checks: [] });
    const [ahead] = await untilFound(lab, NODE, { checks: ['clock'], environment: aDayAhead() });
    assert.match(ahead?.what ?? '', /86\d\d\d s ahead of that of http:/);
    await killEtcd(lab);
    await isFound(lab, { check: 'datastore', says: /etcd at http:.* does not answer/ });
    await restartEtcd(lab);
    await untilFound(lab, NODE, { checks: [] });
  });
});

test('a kernel without IPv6 is named', { timeout: TEST_TIMEOUT_MS }, async () => {
  await withLab({ nodeCount: 2, families: ['ipv4', 'ipv6'] }, async (lab) => {
    await untilFound(lab, NODE, { checks: [] });
    // As a machine that was booted so: its agent comes up without it.
    await lab.endAgent(NODE, 'SIGTERM');
    lab.run(NODE, 'sysctl -qw net.ipv6.conf.all.disable_ipv6=1');
    lab.startAgent(NODE);
    await isFound(lab, {
      check: 'kernel-features',
      says: /^IPv6 does not work: .*disable_ipv6 is 1/,
    });
  });
});

test('a node without a subnet is named', { timeout: TEST_TIMEOUT_MS }, async () => {
  const netConf = { SubnetMin: '10.244.1.0', SubnetMax: '10.244.1.0' };
  const options = { nodeCount: 2, subnetSource: 'lease', netConf, settles: false } as const;
  await withLab(options, async (lab) => {
    const names = lab.plan.nodes.map(({ name }) => name);
    const waiting = await until('one of two waits', async () => {
      const statuses = await Promise.all(
        names.map((name) => lab.status(name).catch(() => undefined)),
      );
      const found = statuses.find((status) => /no (free )?subnet/.test(status?.lease.reason ?? ''));
      return statuses.some((status) => status?.ready) && found?.node;
    });
    const { findings } = await diagnosisOf(lab, waiting);
    assert.deepEqual(
      findings.map(({ check }) => check),
      ['node'],
    );
    assert.match(findings[0]?.do ?? '', /SubnetMax/);
    const having = names.find((name) => name !== waiting) ?? assert.fail();
    await untilFound(lab, having, { checks: [] });
  });
});

test('sessions of BGP that are not up are found', { timeout: TEST_TIMEOUT_MS }, async () => {
  await withLab({ nodeCount: 2, backend: 'bgp', bird, timeoutMs: 180_000 }, async (lab) => {
    await untilAllBgp(lab);
    await untilFound(lab, NODE, { checks: [] });
    const own = lab.node(NODE);
    const peer = lab.node(PEER);
    const record = lab.directory.mustRecord(lab.plan.spec.name);

    await killSidecar(lab.directory, peer, effects);
    await isFound(lab, { check: 'bgp', says: /session .* with 192\.168\.100\.12/ });
    startSidecar(lab.directory, peer, record);
    await lab.untilStatus(NODE, 'speaks again', isSpeaking);
    await untilFound(lab, NODE, { checks: [] });

    await killSidecar(lab.directory, own, effects);
    await isFound(lab, { check: 'bgp', says: /BIRD does not run/ });
    const { stdout, exitCode } = await runDoctor(lab, NODE, { words: [] });
    assert.equal(exitCode, 1);
    assert.match(stdout, /^1\. bgp \(error\)$/m);
  });
});
