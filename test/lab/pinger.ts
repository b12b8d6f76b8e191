// Pings without a pause from one place of a lab to an address, and tells afterwards which answers
// never came. `ping` is a process of its own, so that nothing that a test does delays it.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { LabPod } from '../../src/lab/plan.ts';
import type { TestLab } from './lab.ts';

const INTERVAL_SECONDS = '0.005';
/** Requests at the very end whose answers may be under way when ping is told to end. */
const TAIL_MAX = 3;
const FIRST_ANSWER_TIMEOUT_MS = 60_000;
/** So many answers each pinger waits for, however fast the work was that it runs beside. */
const ANSWERS_MIN = 100;
const LAST_ANSWER_TIMEOUT_MS = 60_000;

export type PingReport = {
  readonly what: string;
  readonly sent: number;
  /** Numbers of the requests that got no answer. */
  readonly lost: readonly number[];
  /** What ping said of errors, such as an unreachable destination. */
  readonly errors: readonly string[];
};

export class Pinger {
  readonly #what: string;
  readonly #child: ChildProcess;
  readonly #answered = new Set<number>();
  readonly #errors: string[] = [];
  #rest = '';
  #sent = 0;

  private constructor(what: string, argv: readonly string[]) {
    this.#what = what;
    this.#child = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#errors.push(text));
  }

  /** Resolves with the first answer. */
  static async start(lab: TestLab, from: string, address: string): Promise<Pinger> {
    const argv = ['netns', 'exec', lab.netns(from), 'ping', '-n', '-i', INTERVAL_SECONDS, address];
    const pinger = new Pinger(`${from} → ${address}`, argv);
    const isAnswered = await pinger.untilAnswers(1, FIRST_ANSWER_TIMEOUT_MS);
    assert.ok(isAnswered, `${pinger.#what}: no answer at all`);
    return pinger;
  }

  /** Resolves with false when there were fewer answers in this time. */
  async untilAnswers(count: number, timeoutMs: number): Promise<boolean> {
    const endMs = performance.now() + timeoutMs;
    while (this.#answered.size < count) {
      if (performance.now() >= endMs) return false;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return true;
  }

  get answers(): number {
    return this.#answered.size;
  }

  async stop(): Promise<PingReport> {
    this.#child.kill('SIGINT');
    if (this.#child.exitCode === null) await once(this.#child, 'close');
    const last = Math.max(0, ...this.#answered);
    const isTail = this.#sent - last <= TAIL_MAX;
    const count = isTail ? last : this.#sent;
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    const lost = numbers.filter((number) => !this.#answered.has(number));
    return { what: this.#what, sent: this.#sent, lost, errors: this.#errors };
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const answered = /icmp_seq=(\d+) ttl=/.exec(line);
      const total = /^(\d+) packets transmitted/.exec(line);
      if (answered !== null) this.#answered.add(Number(answered[1]));
      else if (total !== null) this.#sent = Number(total[1]);
      else if (/icmp_seq=/.test(line)) this.#errors.push(line);
    }
  }
}

/** Pings from every one of the pods to every one on another node while `work` runs. */
export async function whilePinging(
  lab: TestLab,
  work: () => Promise<void>,
  pods: readonly LabPod[] = lab.plan.pods,
): Promise<PingReport[]> {
  const pairs = pods.flatMap((from) =>
    pods.filter((to) => to.node !== from.node).map((to) => ({ from, to })),
  );
  const pingers: Pinger[] = [];
  const reports: PingReport[] = [];
  try {
    for (const { from, to } of pairs) {
      for (const family of lab.plan.spec.families) {
        pingers.push(await Pinger.start(lab, from.name, lab.podAddress(to.name, family)));
      }
    }
    await work();
    // What was broken at the end of the work shows in the pings after it.
    for (const pinger of pingers) await pinger.untilAnswers(ANSWERS_MIN, LAST_ANSWER_TIMEOUT_MS);
  } finally {
    reports.push(...(await Promise.all(pingers.map((pinger) => pinger.stop()))));
  }
  return reports;
}

export function assertNothingLost(reports: readonly PingReport[]): void {
  for (const { what, sent, lost, errors } of reports) {
    assert.ok(sent >= ANSWERS_MIN, `${what}: only ${sent} sent`);
    assert.deepEqual({ lost, errors }, { lost: [], errors: [] }, `${what} of ${sent}`);
  }
}
