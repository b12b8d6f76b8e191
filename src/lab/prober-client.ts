// Starts the prober's process, learns when it has begun, and gets its result. Whatever happens to
// the one that asks, the prober ends with its input.

import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { MeasurementPlan, MeasurementResult } from './prober/measurement.ts';
import type { ProberWord } from './prober-process.ts';

/** A process that starts on a busy machine, and hears from all pods. */
const READY_TIMEOUT_MS = 60_000;
/** Last answers, streams, and the process itself. */
const RESULT_TIMEOUT_MS = 60_000;
const COMPLAINT_LENGTH_MAX = 4_000;

export class ProberClient {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #clock: Clock;
  readonly #ready = Promise.withResolvers<void>();
  readonly #result = Promise.withResolvers<MeasurementResult>();
  #complaints = '';

  private constructor(program: readonly string[], clock: Clock) {
    const [file = '', ...args] = program;
    this.#clock = clock;
    this.#child = spawn(file, [...args, 'lab', 'prober'], { stdio: ['pipe', 'pipe', 'pipe'] });
    // Who waits for them says so below; until then a failure is nobody's.
    this.#ready.promise.catch(() => undefined);
    this.#result.promise.catch(() => undefined);
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-COMPLAINT_LENGTH_MAX);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const word = JSON.parse(line) as ProberWord;
      if (word.kind === 'ready') this.#ready.resolve();
      else this.#result.resolve(word.result);
    });
    this.#child.on('error', (error) => this.#fail(error.message));
    this.#child.on('close', () => this.#fail(this.#complaints.trim() || 'the prober ended'));
  }

  /** Resolves when the prober has begun to count. */
  static async start(
    program: readonly string[],
    plan: MeasurementPlan,
    clock: Clock,
  ): Promise<ProberClient> {
    const client = new ProberClient(program, clock);
    try {
      client.#child.stdin.write(`${JSON.stringify(plan)}\n`);
      await client.#within(client.#ready.promise, READY_TIMEOUT_MS, 'it did not begin');
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Ends the probes, waits for the last answers and returns what was counted. */
  async finish(): Promise<MeasurementResult> {
    try {
      this.#child.stdin.write('finish\n');
      return await this.#within(this.#result.promise, RESULT_TIMEOUT_MS, 'it gave no result');
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#child.stdin.end();
    // What it still has to do is of no use to anybody.
    this.#child.kill('SIGKILL');
  }

  async #within<Value>(promise: Promise<Value>, timeoutMs: number, why: string): Promise<Value> {
    const done = new AbortController();
    const late = this.#clock.sleep(timeoutMs, done.signal).then(() => {
      throw new AppError('LAB', 'measure', `${why} within ${timeoutMs} ms`);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      done.abort();
      late.catch(() => undefined);
    }
  }

  #fail(why: string): void {
    const error = new AppError('LAB', 'measure', why);
    this.#ready.reject(error);
    this.#result.reject(error);
  }
}
