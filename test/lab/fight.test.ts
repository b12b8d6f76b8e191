// Somebody who deletes or changes one route as fast as he can: the agent's repairs of it become
// rare, all others are as fast as ever, and when he stops the route is back and nothing is left of
// the fight.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { withinSomeTime } from '../system/some-time.ts';
import { driftsOf } from './drifts.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { median, repairMs } from './repair-time.ts';

const OTHER_REPAIRS = 15;
/** After these the pauses have grown to some seconds. */
const REPAIRS_MIN = 23;
const MEDIAN_MAX_MS = 100;
/** Twenty until it is a fight, and then after 1, 2, 4, 8, 16 and 30 s. */
const REPAIRS_MAX = 32;
/** The last pause, and the time until a fight counts as over. */
const END_TIMEOUT_MS = 180_000;
/** With 40 ms of rest between them while a fight lasts, and some in a row for others' repairs. */
const PASSES_PER_SECOND_MAX = 40;
const ROUTE = '10.244.1.0/24';
const OUR_ROUTE = `ip route show ${ROUTE} proto 113 dev poplin4-1`;
const CLOCK_TICKS_PER_SECOND = 100;

/** Does one thing again and again. */
class Fighter {
  readonly #child: ChildProcess;

  constructor(lab: TestLab, node: string, harm: string) {
    const script = `while :; do ${harm} 2>/dev/null; sleep 0.02; done`;
    const argv = ['netns', 'exec', lab.netns(node), 'sh', '-c', script];
    this.#child = spawn('ip', argv, { stdio: 'ignore' });
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await once(this.#child, 'close');
    }
  }
}

/** User and system time of the agent's process, in milliseconds. */
function cpuMs(lab: TestLab, node: string): number {
  const stat = readFileSync(`/proc/${lab.agent(node).pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_SECOND;
}

const repairsIn = (text: string): number => Number(/put right (\d+) times/.exec(text)?.[1]);

/** What the agent does while the fight goes on. */
async function during(t: TestContext, lab: TestLab): Promise<void> {
  const before = await lab.untilStatus('node1', 'the fight is named', (s) => s.fights.length > 0);
  assert.match(before.fights[0] ?? '', /^route 10\.244\.1\.0\/24 .* undone by somebody each time$/);
  const startedMs = performance.now();
  const startedCpuMs = cpuMs(lab, 'node1');
  const others = driftsOf(lab, 'node1', 'node2').filter(
    ({ kind }) => kind === 'FDB entry' || kind === 'neighbour' || kind === 'subnet address',
  );
  const othersMs = await withinSomeTime(MEDIAN_MAX_MS, async () => {
    const times: number[] = [];
    for (let count = 0; count < OTHER_REPAIRS; count += 1) {
      times.push(await repairMs(lab, 'node1', others[count % others.length] ?? assert.fail()));
    }
    return median(times);
  });
  await until('an Event names the fight', async () =>
    (await lab.api.events()).some(
      ({ reason, message }) => reason === 'RepairFight' && message?.includes(ROUTE),
    ),
  );
  const after = await lab.untilStatus(
    'node1',
    'it has paused some times',
    ({ fights }) => repairsIn(fights[0] ?? '') >= REPAIRS_MIN,
  );
  const seconds = (performance.now() - startedMs) / 1000;
  assert.equal(after.fights.length, 1, after.fights.join());
  assert.equal(after.ready, true);
  const repairs = repairsIn(after.fights[0] ?? '');
  const passes = (after.reconcile.passes - before.reconcile.passes) / seconds;
  const share = (cpuMs(lab, 'node1') - startedCpuMs) / (seconds * 10);
  t.diagnostic(
    `${repairs} repairs; in ${seconds.toFixed(1)} s ${passes.toFixed(0)} passes a second, ` +
      `${share.toFixed(0)} % CPU; others: median ${othersMs.toFixed(1)} ms`,
  );
  assert.ok(repairs <= REPAIRS_MAX, `${repairs} repairs`);
  assert.ok(passes <= PASSES_PER_SECOND_MAX, `${passes} passes a second`);
}

async function afterwards(t: TestContext, lab: TestLab): Promise<void> {
  const stoppedMs = performance.now();
  const seconds = (): string => ((performance.now() - stoppedMs) / 1000).toFixed(1);
  await until('the route is back', () => lab.run('node1', OUR_ROUTE) !== '', END_TIMEOUT_MS);
  const back = seconds();
  const isOver = async (): Promise<boolean> => (await lab.status('node1')).fights.length === 0;
  await until('the fight is over', isOver, END_TIMEOUT_MS);
  t.diagnostic(`the route is back after ${back} s, the fight over after ${seconds()} s`);
  await until('an Event says so', async () =>
    (await lab.api.events()).some(({ reason }) => reason === 'RepairFightResolved'),
  );
  assert.notEqual(lab.run('node1', OUR_ROUTE), '');
  await lab.mustReach();
}

const HARMS = {
  deletes: `ip route del ${ROUTE} proto 113`,
  // The kernel tells of each, whether the agent has put it right in between or not.
  changes: `n=$(((n + 1) % 9)); ip route replace ${ROUTE} dev eth0 proto 113 metric 16 mtu 130$n`,
};

for (const [verb, harm] of Object.entries(HARMS)) {
  test(`somebody who ${verb} one route again and again slows its repair down and no other`, async (t) => {
    await withLab({ nodeCount: 2 }, async (lab) => {
      const fighter = new Fighter(lab, 'node1', harm);
      try {
        await during(t, lab);
      } finally {
        await fighter.stop();
      }
      await afterwards(t, lab);
    });
  });
}
