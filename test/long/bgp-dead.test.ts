// A node of backend bgp that dies while its Node stays: a BIRD of another one that restarts does
// not wait for it, and when it comes back it is reached and listed again as soon as it answers.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Status } from '../../src/agent/status.ts';
import { birdOf, killBird } from '../../src/lab/bird.ts';
import { bird, untilAllBgp } from '../lab/birds.ts';
import type { TestLab } from '../lab/lab.ts';
import { effects, until, withLab } from '../lab/lab.ts';

const TIMEOUT_MS = 900_000;
const DUAL = ['ipv4', 'ipv6'] as const;
const DEAD = 'node3';
const OTHERS = ['node1', 'node2'] as const;
/** What BIRD would wait for the dead one. */
const WAIT_SECONDS = 120;
/** The sidecar's own pause, sessions, and a machine that is slow. */
const BACK_MS = 60_000;

const countsWith = (lab: TestLab, { bgp }: Status): number => {
  const addresses: readonly string[] = lab.node(DEAD).addresses;
  return bgp?.sessions.filter(({ neighbour }) => addresses.includes(neighbour)).length ?? 0;
};

/** The port of its veth in the fabric: nothing tells the node, nor anybody else. */
function plug(lab: TestLab, isIn: boolean): void {
  const { bridge } = lab.node(DEAD).segment;
  const words = isIn ? ['master', bridge] : ['nomaster'];
  lab.runIn(lab.plan.fabricNetns, ['ip', 'link', 'set', DEAD, ...words]);
}

async function restartsAlone(lab: TestLab, name: string): Promise<number> {
  const node = lab.node(name);
  const pidOf = async (): Promise<number | undefined> =>
    (await birdOf(lab.directory, node, effects.run))?.pid;
  const before = await pidOf();
  const startedMs = performance.now();
  await killBird(lab.directory, node, effects);
  await until(`another BIRD on ${name}`, async () => ![undefined, before].includes(await pidOf()));
  await lab.untilStatus(name, 'is ready', ({ ready }) => ready);
  return performance.now() - startedMs;
}

async function comesBack(t: TestContext, lab: TestLab): Promise<void> {
  const startedMs = performance.now();
  const since = (): string => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
  plug(lab, true);
  // Kernels say for a moment that nobody is there.
  await lab.mustReachWhere(() => true);
  t.diagnostic(`all pairs reach each other again after ${since()}`);
  for (const name of OTHERS) {
    const has = (status: Status): boolean => countsWith(lab, status) === DUAL.length;
    await lab.untilStatus(name, 'has sessions with it', has);
  }
  t.diagnostic(`it is listed again after ${since()}`);
  await untilAllBgp(lab);
  t.diagnostic(`all is on bgp again after ${since()}`);
  await lab.mustReach();
}

test('a BIRD that restarts waits for no dead node', { timeout: TIMEOUT_MS }, async (t) => {
  await withLab({ backend: 'bgp', families: DUAL, bird, nodeCount: 3 }, async (lab) => {
    await untilAllBgp(lab);
    const GracefulRestart = { WaitSeconds: WAIT_SECONDS, RestartSeconds: 20 };
    await lab.edit({ BGP: { GracefulRestart } });
    await untilAllBgp(lab);
    await lab.mustReach();
    const startedMs = performance.now();
    plug(lab, false);
    for (const name of OTHERS) {
      const isOut = (status: Status): boolean => countsWith(lab, status) === 0;
      await lab.untilStatus(name, 'has no session with the dead node', isOut);
    }
    const [seconds] = [(performance.now() - startedMs) / 1000].map(Math.round);
    t.diagnostic(`it is left out after ${seconds} s`);
    const backMs = await restartsAlone(lab, 'node1');
    t.diagnostic(`a BIRD that was killed is ready after ${(backMs / 1000).toFixed(1)} s`);
    assert.ok(backMs < BACK_MS, `${backMs} ms`);
    await lab.mustReachWhere(({ from, to }) => ![from, to].some((at) => at.startsWith(DEAD)));
    // It has heard nobody, and so has left out nobody.
    const { bgp } = await lab.status(DEAD);
    assert.equal(bgp?.sessions.length, OTHERS.length * DUAL.length);
    await comesBack(t, lab);
  });
});
