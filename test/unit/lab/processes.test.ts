// Processes of a lab: only the one that was started is ever hit, and it ends in bounded time.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import type { LabProcess } from '../../../src/lab/processes.ts';
import { endProcess, isAlive, processOf, startProcess } from '../../../src/lab/processes.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { systemClock } from '../../../src/lib/clock.ts';

/** Time runs a hundred times as fast for whoever waits by it. */
const hurried: Clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * 100,
};

function start(context: TestContext, script: string): { process: LabProcess; log: () => string } {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-processes-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'log');
  const process = startProcess(['sh', '-c', script], file);
  context.after(() => endProcess(process, hurried));
  return { process, log: () => readFileSync(file, 'utf8') };
}

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!condition() && performance.now() < endMs) await systemClock.sleep(10);
  assert.ok(condition(), 'in time');
}

describe('a process of the lab', () => {
  test('is known by pid and start time, and writes to its file', async (context) => {
    const { process, log } = start(context, 'echo here; sleep 60');
    await until(() => log() === 'here\n');
    assert.ok(isAlive(process));
    assert.deepEqual(processOf(process.pid), process);
  });

  test('ends by SIGTERM and may say goodbye', async (context) => {
    const script = 'trap "echo bye; exit" TERM; echo here; while :; do sleep 0.01; done';
    const { process, log } = start(context, script);
    await until(() => log() === 'here\n');
    await endProcess(process, systemClock);
    assert.equal(isAlive(process), false);
    assert.equal(log(), 'here\nbye\n');
  });

  test('that does not listen to SIGTERM ends by SIGKILL', async (context) => {
    const { process, log } = start(
      context,
      'trap "" TERM; echo here; while :; do sleep 0.01; done',
    );
    await until(() => log() === 'here\n');
    await endProcess(process, hurried);
    assert.equal(isAlive(process), false);
  });

  test('whose number belongs to another one by now is left alone', async (context) => {
    const { process } = start(context, 'sleep 60');
    const earlier = { ...process, startTicks: String(Number(process.startTicks) - 1) };
    assert.equal(isAlive(earlier), false);
    await endProcess(earlier, systemClock);
    assert.ok(isAlive(process));
  });

  test('that has ended already is no error', async (context) => {
    const { process } = start(context, 'exit 3');
    await until(() => !isAlive(process));
    await endProcess(process, systemClock);
  });

  test('that cannot be started is one', () => {
    assert.throws(() => startProcess(['/no/such/program'], '/dev/null'), { code: 'LAB' });
  });
});
