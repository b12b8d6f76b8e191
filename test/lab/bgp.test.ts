// Backend bgp with real BIRDs: every pair reaches each other by plain routes, the backend changes
// to it and back, a BIRD or an agent dies, a bad configuration comes, and no packet is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killBird, killSidecar, startSidecar } from '../../src/lab/bird.ts';
import type { NetConf } from '../../src/lab/cluster-api.ts';
import { bird, isSpeaking, restartBird, untilAllBgp } from './birds.ts';
import type { TestLab } from './lab.ts';
import { effects, until, withLab } from './lab.ts';
import { assertNothingLost, whileProbing } from './probing.ts';
import { reportOf } from './switching.ts';

const TIMEOUT_MS = 900_000;
const DUAL = ['ipv4', 'ipv6'] as const;

/** No route of the agent's is above BIRD's to a peer's subnet. */
function assertPlain(lab: TestLab): void {
  for (const { name } of lab.plan.nodes) {
    const others = lab.plan.nodes.length - 1;
    for (const family of ['-4', '-6']) {
      const routes = lab.run(name, `ip ${family} route show proto bird`).match(/^\S+ via /gm);
      assert.equal(routes?.length, others, `${name} ${family}`);
    }
    const own = ['-4', '-6'].map((family) => lab.run(name, `ip ${family} route`)).join('');
    assert.doesNotMatch(own, / via .* proto 113 .*metric 16/, name);
  }
}

test('a BIRD or an agent that dies loses nothing', { timeout: TIMEOUT_MS }, async (t) => {
  await withLab({ backend: 'bgp', families: DUAL, bird }, async (lab) => {
    await untilAllBgp(lab);
    await lab.mustReach();
    assertPlain(lab);
    const node = lab.node('node1');

    await t.test('a bad configuration is refused, and the sessions stay', () => refuses(lab));

    await t.test('an agent is killed and started again', async () => {
      const result = await whileProbing(lab, async () => {
        await lab.endAgent('node2', 'SIGKILL');
        lab.startAgent('node2');
        await untilAllBgp(lab);
      });
      assertNothingLost(result);
    });

    await t.test('a BIRD is killed and started again', async (inner) => {
      const result = await whileProbing(lab, async () => {
        const startedMs = performance.now();
        await restartBird(lab, node, () => killBird(lab.directory, node, effects));
        inner.diagnostic(`back after ${(performance.now() - startedMs).toFixed(0)} ms`);
      });
      assertNothingLost(result);
    });

    await t.test('its whole sidecar is killed and started again', async () => {
      const record = lab.directory.mustRecord(lab.plan.spec.name);
      const result = await whileProbing(lab, () =>
        restartBird(lab, node, async () => {
          await killSidecar(lab.directory, node, effects);
          startSidecar(lab.directory, node, record);
        }),
      );
      assertNothingLost(result);
    });
    await lab.mustReach();
    assertPlain(lab);
  });
});

/** By the nodes: the schema would refuse it before. */
async function refuses(lab: TestLab): Promise<void> {
  const text = await lab.datastore.netConfText();
  const now = JSON.parse(text) as NetConf;
  const before = (await lab.status('node1')).bgp?.sessions ?? assert.fail();
  const result = await whileProbing(lab, async () => {
    const bad = { ...now, BGP: { Peers: [{ Address: '192.168.100.1' }] } };
    await lab.datastore.putNetConf(JSON.stringify(bad));
    for (const { name } of lab.plan.nodes) {
      const { config } = await lab.untilStatus(
        name,
        'refuses it',
        (status) => status.config.problems.length > 0,
      );
      const [problem] = config.problems;
      assert.match(JSON.stringify(problem), /BGP\.Peers\[0\]\.AS/);
      assert.match(JSON.stringify(problem), /AS.*(missing|needed|required)/);
    }
  });
  assertNothingLost(result);
  for (const { name } of lab.plan.nodes) assert.ok(isSpeaking(await lab.status(name)), name);
  const after = (await lab.status('node1')).bgp?.sessions ?? assert.fail();
  for (const [index, { neighbour, sinceSeconds = 0 }] of after.entries()) {
    assert.ok(
      sinceSeconds >= (before[index]?.sinceSeconds ?? 0),
      `${neighbour} is another session`,
    );
  }
  await lab.datastore.putNetConf(text);
  await until('the nodes take the good one', async () =>
    (await Promise.all(lab.plan.nodes.map(({ name }) => lab.status(name)))).every(
      ({ config }) => config.problems.length === 0,
    ),
  );
}

test('from vxlan and host-gw to bgp and back', { timeout: TIMEOUT_MS }, async (t) => {
  await withLab({ families: DUAL, bird }, async (lab) => {
    for (const type of ['bgp', 'vxlan', 'host-gw', 'bgp', 'host-gw']) {
      const { ok, lost, broken, problems, movedMs, pairs } = await reportOf(lab, type);
      const sent = pairs.reduce((sum, pair) => sum + pair.sent, 0);
      t.diagnostic(`to ${type}: ${lost} of ${sent} lost, moved after ${movedMs?.toFixed(0)} ms`);
      const said = { problems, pairs: pairs.filter((pair) => pair.lost > 0) };
      assert.deepEqual(
        { ok, lost, broken },
        { ok: true, lost: 0, broken: 0 },
        JSON.stringify(said),
      );
      await lab.mustReach();
      if (type !== 'bgp') continue;
      await untilAllBgp(lab);
      assertPlain(lab);
    }
  });
});
