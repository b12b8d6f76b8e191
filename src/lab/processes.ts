// The lab's long-lived processes: started detached with their output in a file, remembered by pid
// and start time, and ended only when both still fit, so that a number that the kernel has given to
// somebody else is never hit.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';

export type LabProcess = {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat (proc(5)): clock ticks between boot and start. */
  readonly startTicks: string;
};

const TERMINATE_TIMEOUT_MS = 5_000;
const KILL_TIMEOUT_MS = 2_000;
const POLL_MS = 10;

/** The first word is the program. Its output is appended to `logFile`. */
export function startProcess(
  argv: readonly string[],
  logFile: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): LabProcess {
  const [program = '', ...args] = argv;
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: environment,
    });
    // Without a listener a program that is not there would end this process.
    child.on('error', () => undefined);
    child.unref();
    // One that has ended meanwhile is still there until its exit status is asked for.
    const startTicks = child.pid === undefined ? undefined : statOf(child.pid)?.[19];
    if (child.pid === undefined || startTicks === undefined) {
      throw new AppError('LAB', `start ${argv.join(' ')}`, `it ended at once; see ${logFile}`);
    }
    return { pid: child.pid, startTicks };
  } finally {
    closeSync(log);
  }
}

export const isAlive = ({ pid, startTicks }: LabProcess): boolean =>
  startTicksOf(pid) === startTicks;

/** SIGTERM, and SIGKILL to what does not end by itself. Resolves when it is gone. */
export async function endProcess(process_: LabProcess, clock: Clock): Promise<void> {
  sendSignal(process_, 'SIGTERM');
  if (await hasEnded(process_, TERMINATE_TIMEOUT_MS, clock)) return;
  sendSignal(process_, 'SIGKILL');
  if (await hasEnded(process_, KILL_TIMEOUT_MS, clock)) return;
  throw new AppError('LAB', `end process ${process_.pid}`, 'it does not end, not even by SIGKILL');
}

export function sendSignal(process_: LabProcess, signal: NodeJS.Signals): void {
  if (!isAlive(process_)) return;
  try {
    process.kill(process_.pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}

async function hasEnded(process_: LabProcess, timeoutMs: number, clock: Clock): Promise<boolean> {
  const endMs = clock.monotonicMs() + timeoutMs;
  while (isAlive(process_)) {
    if (clock.monotonicMs() > endMs) return false;
    await clock.sleep(POLL_MS);
  }
  return true;
}

/** `undefined`: there is no such process, or only its exit status is left. */
function startTicksOf(pid: number): string | undefined {
  const fields = statOf(pid);
  return fields?.[0] === 'Z' ? undefined : fields?.[19];
}

/** The fields of /proc/PID/stat (proc(5)) from the third on, the state. */
function statOf(pid: number): readonly string[] | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The program's name, in parentheses, may hold anything; fields are counted behind it.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** What is known of a running process; undefined when there is none. */
export function processOf(pid: number): LabProcess | undefined {
  const startTicks = startTicksOf(pid);
  return startTicks === undefined ? undefined : { pid, startTicks };
}
