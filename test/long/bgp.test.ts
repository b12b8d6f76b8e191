// Backend bgp in larger labs: racks with routers of their own, two reflectors, a dozen nodes. All
// matrices are complete, and what happens to sidecars, nodes and sessions loses no packet.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { rollSidecars } from '../../src/lab/bird.ts';
import { addNode, removeNode } from '../../src/lab/nodes.ts';
import type { LabNode } from '../../src/lab/plan.ts';
import type { MeasurementResult } from '../../src/lab/prober/measurement.ts';
import type { Family } from '../../src/net/family.ts';
import { BIRD_TIMEOUT_MS, bird, untilAllBgp } from '../lab/birds.ts';
import type { TestLab } from '../lab/lab.ts';
import { buildProgram, effects, withLab } from '../lab/lab.ts';
import { assertNothingLost, whileProbing } from '../lab/probing.ts';
import { withinSomeTime } from '../system/some-time.ts';
import { addReached, configurationCounts, REACHED_MS } from './new-node.ts';

const TEST_TIMEOUT_MS = 900_000;
const DUAL = ['ipv4', 'ipv6'] as const;
const FAMILY_CHOICES = [['ipv4'], ['ipv6'], DUAL] as const satisfies (readonly Family[])[];
/** Bounds a start on a machine that is slow; a new node is held to its own. */
const UP_TIMEOUT_MS = 180_000;
const BGP_LAB = { backend: 'bgp', families: DUAL, bird, timeoutMs: UP_TIMEOUT_MS } as const;

function tell(t: TestContext, what: string, result: MeasurementResult): void {
  const sent = result.pairs.reduce((sum, pair) => sum + pair.sent, 0);
  const lost = result.pairs.reduce((sum, pair) => sum + pair.lost, 0);
  t.diagnostic(`${what}: ${lost} of ${sent} packets lost`);
}

async function losesNothing(
  t: TestContext,
  lab: TestLab,
  { what, work }: { readonly what: string; readonly work: () => Promise<void> },
): Promise<MeasurementResult> {
  const result = await whileProbing(lab, work);
  tell(t, `${what}, ${(result.durationMs / 1000).toFixed(1)} s`, result);
  assertNothingLost(result);
  return result;
}

for (const families of FAMILY_CHOICES) {
  const named = families.join(' and ');
  test(`3 racks with routers, ${named}`, { timeout: TEST_TIMEOUT_MS }, async (t) => {
    const racks = { underlay: 'routed', segmentCount: 3, nodeCount: 4 } as const;
    await withLab({ ...BGP_LAB, ...racks, families }, async (lab) => {
      await untilAllBgp(lab);
      await lab.mustReach();
      const { name } = lab.plan.spec;
      const { executable } = buildProgram();
      // A node of its own rack, and one that shares one: both routers have to be told.
      const work = async (): Promise<void> => {
        const more = lab.withPlan(await addNode({ name, executable }, 'node5', effects));
        await untilAllBgp(more);
        await more.mustReach();
        await untilAllBgp(lab.withPlan(await removeNode(name, 'node5', effects)));
      };
      await losesNothing(t, lab, { what: 'a node comes and goes', work });
      await lab.mustReach();
    });
  });
}

/** Of both directions of all pairs, and of their streams. */
const PACKETS_PER_SECOND_MAX = 5_000;

for (const reflectorCount of [0, 2]) {
  const shape = reflectorCount === 0 ? 'in full mesh' : `with ${reflectorCount} reflectors`;
  for (const families of FAMILY_CHOICES) {
    const named = families.join(' and ');
    test(`12 nodes ${shape}, ${named}`, { timeout: TEST_TIMEOUT_MS }, async (t) => {
      await withLab({ ...BGP_LAB, families, nodeCount: 12, reflectorCount }, async (lab) => {
        await untilAllBgp(lab);
        await lab.mustReach();
        const { sessions } = (await lab.status('node12')).bgp ?? assert.fail();
        const others = reflectorCount === 0 ? 11 : reflectorCount;
        assert.equal(sessions.length, families.length * others);
        const { pairs, durationMs } = await comesAndGoes(t, lab, 'node13');
        assert.equal(pairs.length, families.length * 12 * 11);
        const sent = pairs.reduce((sum, pair) => sum + pair.sent, 0);
        assert.ok(sent < (PACKETS_PER_SECOND_MAX * durationMs) / 1000, `${sent} in ${durationMs}`);
        await lab.mustReach();
      });
    });
  }
}

/** Only reflectors have one with each node. */
async function hasSessionWith(lab: TestLab, nodeName: string, other: string): Promise<boolean> {
  const { sessions } = (await lab.status(nodeName)).bgp ?? assert.fail();
  const addresses: readonly string[] = lab.node(other).addresses;
  return sessions.some(({ neighbour }) => addresses.includes(neighbour));
}

/** Reached by VXLAN at first, and by BIRD's routes later; nobody else loses anything by it. */
async function comesAndGoes(
  t: TestContext,
  lab: TestLab,
  nodeName: string,
): Promise<MeasurementResult> {
  const { name } = lab.plan.spec;
  const comeAndGo = async (): Promise<number> => {
    const before = configurationCounts(lab);
    const startedMs = performance.now();
    const added = await addReached(lab, nodeName);
    await untilAllBgp(added.lab);
    const [reachedMs, agentMs] = [added.reachedMs, added.startedMs].map(Math.round);
    t.diagnostic(`${nodeName} is reached ${reachedMs} ms after it is known`);
    t.diagnostic(`its agent had started after ${agentMs} ms of them`);
    t.diagnostic(`all is on bgp after ${Math.round(performance.now() - startedMs)} ms`);
    await added.lab.mustReach();
    const after = configurationCounts(lab);
    for (const [each, count] of before) {
      const isTold = await hasSessionWith(added.lab, each, nodeName);
      assert.equal(after.get(each), isTold ? count + 1 : count, each);
    }
    await untilAllBgp(lab.withPlan(await removeNode(name, nodeName, effects)));
    return added.reachedMs;
  };
  // Again where the machine was busy; nothing is lost however often.
  const work = async (): Promise<void> => void (await withinSomeTime(REACHED_MS, comeAndGo));
  return losesNothing(t, lab, { what: `${nodeName} comes and goes`, work });
}

test('sidecars in turn, and from mesh to reflectors', { timeout: TEST_TIMEOUT_MS }, async (t) => {
  await withLab({ ...BGP_LAB, nodeCount: 4 }, async (lab) => {
    await untilAllBgp(lab);
    const { directory, plan } = lab;
    const record = directory.mustRecord(plan.spec.name);
    // As a DaemonSet goes on: by what the node itself says.
    const isReady = async ({ name }: LabNode): Promise<boolean> => (await lab.status(name)).ready;
    const work = async (): Promise<void> => {
      await rollSidecars({ directory, record }, plan.nodes, { ...effects, isReady });
      await untilAllBgp(lab);
    };
    await losesNothing(t, lab, { what: 'all sidecars in turn', work });

    await comesAndGoes(t, lab, 'node5');

    const RouteReflectors = { NodeNames: ['node1', 'node2'] };
    for (const [what, BGP] of [
      ['reflectors beside the mesh', { RouteReflectors }],
      ['from mesh to reflectors', { FullMesh: false, RouteReflectors }],
      ['and back', {}],
    ] as const) {
      const change = async (): Promise<void> => {
        await lab.edit({ BGP });
        await untilAllBgp(lab);
        await effects.clock.sleep(BIRD_TIMEOUT_MS / 60);
      };
      await losesNothing(t, lab, { what, work: change });
    }
    await lab.mustReach();
  });
});
