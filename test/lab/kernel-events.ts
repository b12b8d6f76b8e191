// What the kernel of a node tells of changes, with the time at which it told: `ip monitor` in the
// node's namespace, whose stamps are made when a message arrives and not when this process reads.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestLab } from './lab.ts';

export type KernelEvent = { readonly text: string; readonly atMs: number };

const LISTENS_WITHIN_MS = 60_000;

/** `[2026-11-21T03:05:29.123456] …` */
const STAMP = /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+)\] (.*)$/;

export class KernelEvents {
  readonly #child: ChildProcess;
  readonly #events: KernelEvent[] = [];
  #rest = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
  }

  /** Resolves when the monitor listens: it has told of a change that is made for this. */
  static async start(
    lab: TestLab,
    node: string,
    objects: readonly string[],
  ): Promise<KernelEvents> {
    const argv = ['-n', lab.netns(node), '-ts', '-o', 'monitor', ...objects];
    const env = { ...process.env, TZ: 'UTC' };
    const events = new KernelEvents(
      spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'], env }),
    );
    const [address, mac] = ['192.0.2.1', '02:00:00:00:00:99'];
    const entry = `${address} lladdr ${mac} dev eth0 nud permanent`;
    const endMs = performance.now() + LISTENS_WITHIN_MS;
    while (!events.has(address)) {
      assert.ok(performance.now() < endMs, `ip monitor of ${node} does not listen`);
      lab.run(node, `ip neighbour replace ${entry}`);
      lab.run(node, `ip neighbour del ${address} dev eth0`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return events;
  }

  has(text: string): boolean {
    return this.find(text) !== undefined;
  }

  /** The first event with all of these words. */
  find(...words: readonly string[]): KernelEvent | undefined {
    return this.#events.find(({ text }) => words.every((word) => text.includes(word)));
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await once(this.#child, 'close');
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, stamp, rest = ''] = STAMP.exec(line) ?? [];
      if (stamp !== undefined) this.#events.push({ text: rest, atMs: parseStampMs(stamp) });
    }
  }
}

/** With the microseconds that Date.parse drops. */
const parseStampMs = (stamp: string): number => {
  const [seconds = '', fraction = '0'] = stamp.split('.');
  return Date.parse(`${seconds}Z`) + Number(`0.${fraction}`) * 1000;
};
