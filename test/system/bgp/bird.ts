// BIRD as Debian ships it, unpacked by scripts/setup.sh: asked about a configuration, or run in a
// network namespace. `using` ends the process and takes its directory away.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const PACKAGE = new URL('../../../.cache/bird/', import.meta.url).pathname;
const LIBRARIES = join(PACKAGE, 'usr/lib');
const program = (name: string): string => join(PACKAGE, 'usr/sbin', name);

const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  LD_LIBRARY_PATH: readdirSync(LIBRARIES)
    .filter((name) => name.endsWith('-linux-gnu'))
    .map((name) => join(LIBRARIES, name))
    .join(':'),
});

/** What BIRD has against a configuration; '' when nothing. */
export async function birdProblems(conf: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-bird-'));
  try {
    const file = join(directory, 'bird.conf');
    writeFileSync(file, conf);
    const { stderr } = await promisify(execFile)(program('bird'), ['-p', '-c', file], {
      env: environment(),
    }).catch((error: { stderr?: string }) => ({ stderr: error.stderr || String(error) }));
    return stderr;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const WAIT_MS = 120_000;
const POLL_MS = 100;

export async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  while (!isSo()) {
    assert.ok(performance.now() < endMs, `not after ${WAIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export class Bird implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'poplin-bird-'));
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = '';

  constructor(netns: string, conf: string) {
    writeFileSync(this.#file, conf);
    const words = ['netns', 'exec', netns, program('bird'), '-f', '-R', '-c', this.#file];
    this.#process = spawn('ip', [...words, '-s', this.#socket], {
      env: environment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    this.#ended = new Promise((resolve) => this.#process.once('exit', resolve));
  }

  get #file(): string {
    return join(this.#directory, 'bird.conf');
  }

  get #socket(): string {
    return join(this.#directory, 'bird.ctl');
  }

  get said(): string {
    return this.#said;
  }

  /** What BIRD answers; '' while it does not listen yet. */
  ask(command: string): string {
    try {
      return execFileSync(program('birdcl'), ['-s', this.#socket, ...command.split(' ')], {
        env: environment(),
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    } catch {
      return '';
    }
  }

  isEstablished(protocol: string): boolean {
    const lines = this.ask('show protocols').split('\n');
    return lines.some((line) => line.startsWith(`${protocol} `) && line.includes('Established'));
  }

  configure(conf: string): string {
    writeFileSync(this.#file, conf);
    return this.ask('configure');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
