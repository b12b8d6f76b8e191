// The keeper of the node's BIRD with its real effects: the directory and the control socket that
// both share, and the metrics. What BIRD should be told comes from the agent.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { birdFiles } from '../agent/bird-files.ts';
import { BirdKeeper } from '../agent/bird-keeper.ts';
import type { BirdMetrics } from '../agent/bird-metrics.ts';
import type { BirdSpeaker } from '../agent/bird-speaker.ts';
import type { AgentOptions } from '../agent/options.ts';
import { openBird } from '../bird/bird.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

/** BIRD answers in a millisecond; on a machine that swaps, later. */
const ANSWER_TIMEOUT_MS = 5_000;

export function buildBird(
  { birdDir }: Pick<AgentOptions, 'birdDir'>,
  effects: {
    readonly metrics: BirdMetrics;
    readonly speaker: () => Pick<BirdSpeaker, 'wanted' | 'mayEndAll'>;
    readonly log: Log;
  },
): BirdKeeper {
  const { metrics, speaker, log } = effects;
  const clock = systemClock;
  const socketPath = join(birdDir, 'bird.ctl');
  const keeper = new BirdKeeper({
    open: (stop) => openBird({ socketPath, clock, timeoutMs: ANSWER_TIMEOUT_MS, stop }),
    files: birdFiles(birdDir),
    wanted: () => speaker().wanted,
    mayEndAll: () => speaker().mayEndAll,
    newKey: () => randomBytes(16).toString('hex'),
    tried: (outcome) => metrics.tried(outcome),
    clock,
    random: Math.random,
    log,
  });
  metrics.follow(() => keeper.view);
  return keeper;
}
