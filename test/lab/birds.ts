// BIRD in the labs of tests: which one, what a node of such a lab must say once its BIRD and its
// sessions are up, and when a BIRD that was ended is there again.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { Status } from '../../src/agent/status.ts';
import { birdOf } from '../../src/lab/bird.ts';
import type { BirdProgram } from '../../src/lab/bird-program.ts';
import { findBird } from '../../src/lab/bird-program.ts';
import type { LabNode } from '../../src/lab/plan.ts';
import type { TestLab } from './lab.ts';
import { effects, until } from './lab.ts';

/** BIRD waits seconds between the tries of a session, and machines are slow. */
export const BIRD_TIMEOUT_MS = 120_000;

export const bird: BirdProgram =
  findBird(undefined, fileURLToPath(new URL('../..', import.meta.url))) ??
  assert.fail('there is no BIRD: sh scripts/setup.sh lab unpacks one');

/** By plain routes to every peer, with nothing left to wait for. */
const isAllBgp = ({ peers, reconcile, config }: Status): boolean =>
  config.hash === reconcile.config &&
  peers.every(({ used, waitsFor }) => used === 'bgp' && waitsFor === undefined);

/** BIRD runs by what is wanted, and each session is up. */
export const isSpeaking = ({ bgp }: Status): boolean =>
  bgp?.bird !== undefined &&
  bgp.bird.config === bgp.wanted &&
  !bgp.bird.isRecovering &&
  bgp.sessions.length > 0 &&
  bgp.sessions.every(({ state }) => state === 'established');

export async function untilAllBgp(lab: TestLab): Promise<void> {
  const last = new Map<string, unknown>();
  const accept = (status: Status): boolean => {
    const { node, peers, bgp } = status;
    last.set(node, { peers: peers.filter(({ used }) => used !== 'bgp'), bgp });
    return isAllBgp(status) && isSpeaking(status);
  };
  try {
    await lab.settled(accept, BIRD_TIMEOUT_MS);
  } catch (error) {
    assert.fail(`${String(error)}: ${JSON.stringify(Object.fromEntries(last))}`);
  }
}

/** Does `end` to the BIRD of a node, and waits until another one has all sessions up. */
export async function restartBird(
  lab: TestLab,
  node: LabNode,
  end: () => Promise<void>,
): Promise<void> {
  const pidOf = async (): Promise<number | undefined> =>
    (await birdOf(lab.directory, node, effects.run))?.pid;
  const before = await pidOf();
  await end();
  const isAnother = async (): Promise<boolean> => {
    const pid = await pidOf();
    return pid !== undefined && pid !== before;
  };
  await until(`another BIRD on ${node.name}`, isAnother, BIRD_TIMEOUT_MS);
  await untilAllBgp(lab);
}
