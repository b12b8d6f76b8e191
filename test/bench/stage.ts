// Where a suite plays: network namespaces, directories and processes that it makes, each of which
// is taken away at the end in reverse order, whatever happened. Names carry the process id, so that
// what a killed run left behind is found and removed by the next one.

import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { systemClock } from '../../src/lib/clock.ts';

const PREFIX = 'pb';
const EXIT_TIMEOUT_MS = 5_000;

/** What started processes get: nothing of the caller's that would change how they run. */
export const PLAIN_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
};

export class Stage implements AsyncDisposable {
  readonly #undo: (() => Promise<void> | void)[] = [];
  readonly #tag = `${PREFIX}-${process.pid}`;
  #closed: Promise<void> | undefined;

  /** To be done at the end; what was deferred last is done first. */
  defer(undo: () => Promise<void> | void): void {
    this.#undo.push(undo);
  }

  /** A stage for a part of the suite, which is cleared with this one at the latest. */
  inner(): Stage {
    const stage = new Stage();
    this.defer(() => stage[Symbol.asyncDispose]());
    return stage;
  }

  directory(): string {
    const path = mkdtempSync(join(tmpdir(), `${this.#tag}-`));
    this.defer(() => rmSync(path, { recursive: true, force: true }));
    return path;
  }

  /** Returns their full names. */
  async namespaces(labels: readonly string[]): Promise<string[]> {
    const names = labels.map((label) => `${this.#tag}-${label}`);
    this.defer(() => removeNamespaces(names));
    const input = names.map((name) => `netns add ${name}\n`).join('');
    await mustRun(runCommand, ['ip', '-batch', '-'], { input });
    return names;
  }

  async namespace(label: string): Promise<string> {
    const [name = ''] = await this.namespaces([label]);
    return name;
  }

  /** A process that lives until the end, or until `endProcess`. */
  start(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [file = '', ...args] = argv;
    const child = spawn(file, args, { stdio: 'ignore', env: PLAIN_ENVIRONMENT, ...options });
    child.on('error', () => undefined);
    this.defer(() => endProcess(child));
    return child;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo();
      } catch (error) {
        process.stderr.write(`bench: while tidying up: ${String(error)}\n`);
      }
    }
  }
}

/** SIGTERM, and SIGKILL for what does not end by it. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timeout = new AbortController();
  await Promise.race([ended, systemClock.sleep(EXIT_TIMEOUT_MS, timeout.signal)]);
  timeout.abort();
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await ended;
}

async function removeNamespaces(names: readonly string[]): Promise<void> {
  const input = names
    .filter((name) => existsSync(`/run/netns/${name}`))
    .map((name) => `netns del ${name}\n`)
    .join('');
  if (input !== '') await mustRun(runCommand, ['ip', '-force', '-batch', '-'], { input });
}

/** Removes the namespaces and directories of runs whose process is gone. */
export async function removeLeftovers(): Promise<void> {
  const isLeft = (name: string): boolean => {
    const match = /^pb-(\d+)-/.exec(name);
    return match !== null && !existsSync(`/proc/${match[1]}`);
  };
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  await removeNamespaces(namespaces.filter(isLeft));
  for (const name of readdirSync(tmpdir()).filter(isLeft)) {
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

export const inNamespace = (namespace: string, argv: readonly string[]): string[] => [
  'ip',
  'netns',
  'exec',
  namespace,
  ...argv,
];
