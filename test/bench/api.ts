// The parent's end of api-process.ts: changes objects of the embedded API and tells when.

import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { ApiAnswer, ApiChange, ApiMessage } from './api-process.ts';
import { NODE_LAUNCHER, ROOT } from './checkout.ts';
import type { Stage } from './stage.ts';
import { inNamespace } from './stage.ts';

const START_TIMEOUT_MS = 20_000;

export class Api {
  readonly server: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: ApiAnswer) => void>();
  #lastId = 0;

  static async start(stage: Stage, namespace: string, address: string): Promise<Api> {
    const script = join(ROOT, 'test/bench/api-process.ts');
    const argv = inNamespace(namespace, [...NODE_LAUNCHER, script, address, '6443']);
    const child = stage.start(argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const api = new Api(child, `http://${address}:6443`);
    await api.#answerTo(0);
    return api;
  }

  constructor(child: ChildProcess, server: string) {
    this.#child = child;
    this.server = server;
    child.on('message', (answer: ApiAnswer) => this.#waiting.get(answer.id)?.(answer));
  }

  /** Nanoseconds of CLOCK_MONOTONIC at which the change was made. */
  async change(change: ApiChange): Promise<bigint> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = this.#answerTo(id);
    this.#child.send({ id, change } satisfies ApiMessage);
    return BigInt((await answer).atNs);
  }

  #answerTo(id: number): Promise<ApiAnswer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => finish(new Error(`the API process did not answer within ${START_TIMEOUT_MS} ms`)),
        START_TIMEOUT_MS,
      );
      const onExit = (): void => finish(new Error('the API process has ended'));
      const finish = (outcome: ApiAnswer | Error): void => {
        clearTimeout(timer);
        this.#child.off('exit', onExit);
        this.#waiting.delete(id);
        if (outcome instanceof Error) reject(outcome);
        else if (outcome.error !== undefined) reject(new Error(outcome.error));
        else resolve(outcome);
      };
      this.#child.once('exit', onExit);
      this.#waiting.set(id, finish);
    });
  }
}
