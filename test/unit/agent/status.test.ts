// The status document, and what nodes publish of themselves, while all is well and while things are
// broken: the datastore away, an agent that starts, a dead peer, no subnet, a bad configuration.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { clusterOf } from '../../../src/agent/page.ts';
import type { Status } from '../../../src/agent/status.ts';
import { renderStatus } from '../../../src/cli/status-page.ts';
import type { ClusterOverview, NodeRow } from '../../../src/cluster/overview.ts';
import { overviewOf } from '../../../src/cluster/overview.ts';
import type { FakeAgent } from '../../fake/agent.ts';
import { FakeCluster } from '../../fake/agent-cluster.ts';
import { membersOf, statusSchema } from '../../fake/status-schema.ts';

const CONFIG = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } };
const SUBNET_OF_NODE_2 = '10.244.2.0';

type World = { readonly cluster: FakeCluster; readonly agents: readonly FakeAgent[] };

async function withThree(body: (world: World) => Promise<void>): Promise<void> {
  await using cluster = new FakeCluster(CONFIG);
  const agents: FakeAgent[] = [];
  for (const number of [1, 2, 3]) {
    const agent = await cluster.add(number);
    agents.push(agent);
  }
  for (const agent of agents) {
    await agent.end();
    agent.publishes = true;
    agent.start();
  }
  await cluster.clock.advance(20_000);
  await body({ cluster, agents });
}

/** The first agent anew, without the datastore. */
async function startCutOff({ agents, cluster }: World): Promise<FakeAgent> {
  const [first] = agents;
  assert.ok(first !== undefined);
  await first.end();
  cluster.store.setAway(true);
  first.start();
  return first;
}

/** As `status` prints it, and never without its being what docs/status.md promises. */
function statusOf(agent: FakeAgent | undefined): Status {
  assert.ok(agent !== undefined);
  const status = agent.agent.status();
  const parsed = statusSchema.safeParse(JSON.parse(JSON.stringify(status)));
  assert.ok(parsed.success, parsed.error?.message);
  assert.ok(renderStatus(status).endsWith('\n'));
  return status;
}

const overview = ({ cluster }: World): ClusterOverview => {
  const names = [...cluster.store.nodes.keys()];
  const texts = new Map(names.map((name) => [name, cluster.store.summaries.get(name)]));
  return overviewOf(texts, cluster.clock.now());
};

const rowOf = (world: World, name: string): NodeRow => {
  const row = overview(world).nodes.find((each) => each.name === name);
  assert.ok(row !== undefined, name);
  return row;
};

test('docs/status.md has every member of the document with its type, and no other', () => {
  const page = readFileSync(new URL('../../../docs/status.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `([\w.[\]]+)` \| ([^|]+) \|/gm)];
  assert.deepEqual(
    documented.map(([, name, type]) => [name, type]),
    [...membersOf()],
  );
});

test('every member of the type is a member of the schema', () => {
  type Missing = Exclude<keyof Status, keyof ReturnType<typeof statusSchema.parse>>;
  const missing: readonly Missing[] = [];
  assert.deepEqual(missing, []);
});

describe('status and what is published', () => {
  test('are right while all is well', () =>
    withThree(async (world) => {
      const status = statusOf(world.agents[0]);
      assert.ok(status.ready, status.problems.join());
      assert.deepEqual(
        status.peers.map(({ probe, latencyMs, lossPercent }) => [probe, latencyMs, lossPercent]),
        [
          ['answers', 1, 0],
          ['answers', 1, 0],
        ],
      );
      assert.deepEqual(
        status.devices.map(({ name, vni, mtuBytes }) => [name, vni, mtuBytes]),
        [['poplin4-1', 1, 1450]],
      );
      assert.deepEqual(
        overview(world).nodes.map(({ name, state, summary }) => [
          name,
          state,
          summary?.peers.total,
        ]),
        [
          ['node-1', 'ready', 2],
          ['node-2', 'ready', 2],
          ['node-3', 'ready', 2],
        ],
      );
    }));

  test('a dead peer is silent with all its probes lost, and for all it is silent since', () =>
    withThree(async (world) => {
      const [first, second, third] = world.agents;
      await second?.end();
      const isAlive = ({ destination }: { readonly destination: string }): boolean =>
        destination !== SUBNET_OF_NODE_2;
      for (const agent of [first, third]) if (agent !== undefined) agent.answers = isAlive;
      await world.cluster.clock.advance(180_000);
      const status = statusOf(first);
      assert.ok(status.ready);
      const dead = status.peers.find(({ peer }) => peer === 'node-2');
      assert.deepEqual([dead?.probe, dead?.lossPercent], ['silent', 100]);
      assert.match(
        renderStatus(status),
        /! node-2 10\.244\.2\.0\/24 ipv4: vxlan; silent, 100 % lost/,
      );
      const row = rowOf(world, 'node-2');
      assert.equal(row.state, 'silent');
      assert.match(row.problems.join(), /^silent since 2026-01-01T00:00:/);
      assert.equal(rowOf(world, 'node-1').summary?.peers.silent, 1);
      assert.equal(rowOf(world, 'node-1').state, 'ready');
    }));

  test('a datastore that is away is named, and all else stays right', () =>
    withThree(async (world) => {
      world.cluster.store.setAway(true);
      await world.cluster.clock.advance(180_000);
      const status = statusOf(world.agents[0]);
      assert.equal(status.source.problem, 'the datastore does not answer');
      assert.deepEqual(status.lease.subnets, ['10.244.1.0/24']);
      assert.deepEqual(
        status.peers.map(({ probe }) => probe),
        ['answers', 'answers'],
      );
      assert.equal(rowOf(world, 'node-1').state, 'silent', 'it cannot write');
      // As the page of that agent has it.
      const { store, clock } = world.cluster;
      const page = clusterOf(status, store.summaries, clock.now());
      assert.equal(page.problem, 'the datastore does not answer');
      assert.deepEqual(
        page.nodes.map(({ state }) => state),
        ['ready', 'unknown', 'unknown'],
      );
      assert.match(page.nodes[1]?.problems.join() ?? '', /^not heard of since .* does not answer$/);
      const restarted = clusterOf(status, undefined, clock.now());
      assert.match(restarted.nodes[1]?.problems.join() ?? '', /^nothing is known of it while/);
      world.cluster.store.setAway(false);
      await world.cluster.clock.advance(120_000);
      assert.equal(rowOf(world, 'node-1').state, 'ready');
    }));

  test('an agent that starts says that it does', () =>
    withThree(async ({ agents, cluster }) => {
      const first = await startCutOff({ agents, cluster });
      const starting = statusOf(first);
      assert.ok(!starting.ready);
      assert.match(starting.problems.join(), /starting/);
      await cluster.clock.advance(5_000);
      // What its disk remembers is enough.
      const status = statusOf(first);
      assert.equal(status.cluster, 'remembered');
      assert.ok(status.startedAt > '2026-01-01T00:00:20');
    }));

  test('the cluster counts as known when what is known of it is done', () =>
    withThree(async ({ agents, cluster }) => {
      const first = await startCutOff({ agents, cluster });
      await cluster.clock.advance(5_000);
      assert.deepEqual([statusOf(first).cluster, statusOf(first).peers.length], ['remembered', 2]);
      cluster.store.deleteNode('node-2');
      cluster.store.setAway(false);
      const due = cluster.clock.advance(1_000);
      // At every moment, also between what the datastore says and the pass that obeys it.
      for (let turn = 0; statusOf(first).cluster !== 'synced'; turn += 1) {
        assert.ok(turn < 100_000);
        assert.equal(statusOf(first).peers.length, 2);
        await Promise.resolve();
      }
      assert.deepEqual(
        statusOf(first).peers.map(({ peer }) => peer),
        ['node-3'],
      );
      await due;
    }));

  test('without a subnet the reason is said, and told to all', async () => {
    const one = { SubnetMin: '10.244.2.0', SubnetMax: '10.244.2.0' };
    await using cluster = new FakeCluster({ ...CONFIG, ...one });
    await cluster.add(1);
    const late = await cluster.add(2);
    await late.end();
    late.publishes = true;
    late.start();
    await cluster.clock.advance(60_000);
    const status = statusOf(late);
    assert.ok(!status.ready);
    assert.deepEqual(status.lease.subnets, []);
    assert.notEqual(status.lease.reason, '');
    const row = rowOf({ cluster, agents: [] }, status.node);
    assert.equal(row.state, 'not-ready');
    assert.ok(row.problems.includes(status.lease.reason), row.problems.join());
  });

  test('a bad configuration is not in force, and named', () =>
    withThree(async (world) => {
      const before = statusOf(world.agents[0]).config.hash;
      world.cluster.store.putConfig({ ...CONFIG, Backend: { Type: 'vxlann' } });
      await world.cluster.clock.advance(20_000);
      const status = statusOf(world.agents[0]);
      assert.equal(status.config.hash, before);
      assert.equal(status.config.problems[0]?.key, 'Backend.Type');
      assert.ok(status.events.some(({ reason }) => reason === 'ConfigInvalid'));
      assert.equal(rowOf(world, 'node-1').summary?.configInvalid, true);
    }));

  test('drift that was repaired is counted, what is asked for is not', () =>
    withThree(async ({ agents, cluster }) => {
      const [first] = agents;
      assert.ok(first !== undefined);
      assert.equal(statusOf(first).drift.repaired, 0);
      const destination = first.takeRouteUnnoticed();
      await cluster.clock.advance(15 * 60_000);
      const { drift } = statusOf(first);
      assert.deepEqual([drift.repaired, drift.byObject], [1, { route: 1 }]);
      assert.ok(drift.last[0]?.object.includes(destination));
      const metrics = await first.metrics.registry.metrics();
      assert.match(metrics, /poplin_drift_repaired_total\{object="route"\} 1/);
    }));

  test('a device that goes after a change of the backend is no drift', () =>
    withThree(async ({ agents, cluster }) => {
      cluster.store.putConfig({ ...CONFIG, Backend: { Type: 'host-gw' } });
      await cluster.clock.advance(60_000);
      for (const agent of agents) {
        const { drift, devices } = statusOf(agent);
        assert.deepEqual([devices, drift.byObject], [[], {}]);
      }
    }));

  test('that another path is tested is no drift', () =>
    withThree(async ({ agents, cluster }) => {
      const [first] = agents;
      assert.ok(first !== undefined);
      first.answers = () => false;
      await cluster.clock.advance(60_000);
      cluster.store.putConfig({ ...CONFIG, Backend: { Type: 'bgp' } });
      await cluster.clock.advance(300_000);
      first.answers = () => true;
      await cluster.clock.advance(300_000);
      assert.deepEqual(statusOf(first).drift.byObject, {});
    }));
});
