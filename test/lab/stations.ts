// Stations (port-station.ts) in the namespaces of a lab: who asks whom, and whom the asked one saw.

import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const READY_TIMEOUT_MS = 60_000;
const PROGRAM = fileURLToPath(new URL('port-station.ts', import.meta.url));
const NODE = fileURLToPath(new URL('../../scripts/node.sh', import.meta.url));

export type Question = {
  readonly protocol: string;
  readonly to: string;
  readonly port: number;
  readonly sourcePort?: number;
};

export class Station implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (seen: string | null) => void>();
  readonly #ready = Promise.withResolvers<void>();
  #lastId = 0;

  /** In the namespace of that name; `served` are words as `tcp:80`. */
  static async open(
    netns: string,
    served: readonly string[] = [],
    timeoutMs = 60_000,
  ): Promise<Station> {
    const argv = ['netns', 'exec', netns, 'sh', NODE, PROGRAM, String(timeoutMs), ...served];
    const station = new Station(spawn('ip', argv));
    const giveUp = setTimeout(
      () => station.#ready.reject(new Error('a station is not ready')),
      READY_TIMEOUT_MS,
    );
    await station.#ready.promise.finally(() => clearTimeout(giveUp));
    return station;
  }

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    let problem = '';
    child.stderr.on('data', (chunk) => {
      problem += String(chunk);
    });
    child.once('exit', () => this.#ready.reject(new Error(`a station ended: ${problem}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { ready, id, seen } = JSON.parse(line);
      if (ready === true) this.#ready.resolve();
      else this.#waiting.get(id)?.(seen);
    });
  }

  /** The source that the asked one saw; null when no answer came. */
  ask(question: Question): Promise<string | null> {
    this.#lastId += 1;
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.#waiting.set(this.#lastId, resolve);
    this.#child.stdin.write(`${JSON.stringify({ id: this.#lastId, ...question })}\n`);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    assert.equal(this.#child.exitCode, 0);
  }
}
