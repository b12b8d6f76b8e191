// The agent before other processes of its node. It works for milliseconds, and then for pods that
// wait to be started or for packets that a repair waits for; on a node whose processors are all
// busy, which starting pods makes them, it would else spend most of that time in the queue. It has
// no share of its own to defend: its loop rests at least as long as it works. Without CAP_SYS_NICE
// it goes on as it is.

import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';

/** About nine times the weight of an ordinary process (sched_prio_to_weight of the kernel). */
const NICENESS = -10;

/** Of all threads that there are, and so of those that they start. */
export function raisePriority(log: Log): void {
  try {
    for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), NICENESS);
  } catch (error) {
    log.info({ error: describeError(error) }, 'the agent runs at ordinary priority');
  }
}
