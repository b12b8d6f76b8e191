// Backend bgp with real BIRDs: every pair reaches each other by plain routes, the backend changes
// to it and back, a BIRD or an agent dies, a bad configuration comes, and no packet is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killBird, killSidecar, startSidecar } from '../../src/lab/bird.ts';
import type { NetConf } from '../../src/lab/cluster-api.ts';
import { addressAt } from '../../src/net/cidr.ts';
import { bird, isSpeaking, restartBird, untilAllBgp } from './birds.ts';
import type { TestLab } from './lab.ts';
import { effects, until, withLab } from './lab.ts';
import { assertNothingLost, whileProbing } from './probing.ts';
import { reportOf } from './switching.ts';

const TIMEOUT_MS = 900_000;
const DUAL = ['ipv4', 'ipv6'] as const;
/** Of each lab here: all pairs of them are probed. */
const NODES = 4;
/** Status is as old as the last look at BIRD, and that says whole seconds. */
const STAMP_SECONDS = 3;
/** On the network of the nodes, and nobody has it. */
const NOBODY = 200n;

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
  await withLab({ backend: 'bgp', families: DUAL, bird, nodeCount: NODES }, async (lab) => {
    await untilAllBgp(lab);
    await lab.mustReach();
    assertPlain(lab);
    const node = lab.node('node1');

    await t.test('a bad configuration is refused, and the sessions stay', () => refuses(lab));

    await t.test('a peer that concerns nobody else comes, changes and goes', () => unrelated(lab));

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
  await keepsSessions(lab, async () => {
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
  for (const { name } of lab.plan.nodes) assert.ok(isSpeaking(await lab.status(name)), name);
  await lab.datastore.putNetConf(text);
  await until('the nodes take the good one', async () =>
    (await Promise.all(lab.plan.nodes.map(({ name }) => lab.status(name)))).every(
      ({ config }) => config.problems.length === 0,
    ),
  );
}

async function unrelated(lab: TestLab): Promise<void> {
  const [network] = lab.plan.segments[0]?.networks ?? assert.fail();
  const Address = addressAt(network ?? assert.fail(), NOBODY);
  const peer = { Name: 'nobody', Address, AS: 65_001 };
  const texts = new Map<string, string | undefined>();
  await keepsSessions(lab, async () => {
    for (const Peers of [[peer], [{ ...peer, AS: 65_002, Communities: ['64512:1'] }], []]) {
      await lab.edit({ BGP: { Peers } });
      for (const { name } of lab.plan.nodes) {
        const { bgp } = await lab.untilStatus(name, `has ${Peers.length} peers`, ({ bgp: now }) => {
          const isTold = now?.sessions.some(({ neighbour }) => neighbour === Address);
          const isNew = now?.wanted !== undefined && now.wanted !== texts.get(name);
          return isNew && now.bird?.config === now.wanted && isTold === Peers.length > 0;
        });
        texts.set(name, bgp?.wanted);
      }
    }
  });
}

/** By node and neighbour: for how many seconds the session has been as it is. */
async function agesSeconds(lab: TestLab): Promise<ReadonlyMap<string, number>> {
  const statuses = await Promise.all(lab.plan.nodes.map(({ name }) => lab.status(name)));
  const sessions = statuses.flatMap(({ node, bgp }) =>
    (bgp?.sessions ?? []).map((session) => ({ ...session, node })),
  );
  return new Map(
    sessions.map(({ node, neighbour, state, sinceSeconds = 0 }) => [
      `${node} with ${neighbour}`,
      state === 'established' ? sinceSeconds : -1,
    ]),
  );
}

/** No packet is lost by it, and each session is the one that there was. */
async function keepsSessions(lab: TestLab, work: () => Promise<void>): Promise<void> {
  const before = await agesSeconds(lab);
  const startedMs = performance.now();
  const result = await whileProbing(lab, work);
  const seconds = (performance.now() - startedMs) / 1000;
  assertNothingLost(result);
  const after = await agesSeconds(lab);
  assert.deepEqual([...after.keys()], [...before.keys()]);
  for (const [session, age] of after) {
    const least = (before.get(session) ?? 0) + seconds - STAMP_SECONDS;
    assert.ok(age >= least, `${session}: ${age} s old, and not ${least} s at least`);
  }
}

test('from vxlan and host-gw to bgp and back', { timeout: TIMEOUT_MS }, async (t) => {
  await withLab({ families: DUAL, bird, nodeCount: NODES }, async (lab) => {
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
