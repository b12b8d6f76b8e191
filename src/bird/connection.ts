// A connection to BIRD's control socket: one command after the other, each with a bound on its
// time. It stays open between commands, since its end is what tells at once that BIRD is gone. A
// command that failed closes it: what comes late would be taken for the answer to the next one.

import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import { withDeadline } from '../lib/deadline.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { BirdReply } from './reply.ts';
import { ReplyDecoder } from './reply.ts';

export type ConnectionOptions = {
  readonly socketPath: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
};

const WELCOME_CODE = 1;

type Waiting = {
  readonly resolve: (reply: BirdReply) => void;
  readonly reject: (error: Error) => void;
};

export class BirdConnection {
  /** Resolves when it has ended, with the reason in words; never rejects. */
  readonly ended: Promise<string>;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #decoder = new ReplyDecoder();
  #waiting: Waiting | undefined;
  /** Why it cannot be used any more. */
  #end: Error | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#socket = connect(options.socketPath);
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#socket.on('error', (error) => this.#fail(error));
    this.ended = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.#fail(new Error('BIRD has closed the connection'));
        resolve(describeError(this.#end));
      });
    });
  }

  /** Rejects with AppError when nobody answers there. */
  static async open(options: ConnectionOptions): Promise<BirdConnection> {
    const connection = new BirdConnection(options);
    await connection.#exchange('connect', undefined, options);
    return connection;
  }

  /** Rejects with AppError; what BIRD refuses is an answer as any other. */
  command(
    text: string,
    limits: { readonly timeoutMs?: number; readonly stop: AbortSignal },
  ): Promise<BirdReply> {
    assert(!/[\r\n]/.test(text), 'a command is one line');
    return this.#exchange(text, text, { timeoutMs: this.#options.timeoutMs, ...limits });
  }

  close(): void {
    this.#fail(new Error('the connection was closed'));
  }

  async #exchange(
    name: string,
    command: string | undefined,
    { timeoutMs, stop }: { readonly timeoutMs: number; readonly stop: AbortSignal },
  ): Promise<BirdReply> {
    const operation = `BIRD at ${this.#options.socketPath}: ${name}`;
    assert(this.#waiting === undefined, 'one command at a time');
    try {
      const deadline = { clock: this.#options.clock, timeoutMs, stop };
      const reply = await withDeadline(deadline, (signal) => this.#answer(command, signal));
      if (command === undefined && reply.code !== WELCOME_CODE) {
        throw new Error(`it does not speak as BIRD: code ${reply.code}`);
      }
      return reply;
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      throw new AppError('BIRD', operation, describeError(error), error);
    }
  }

  #answer(command: string | undefined, signal: AbortSignal): Promise<BirdReply> {
    return new Promise<BirdReply>((resolve, reject) => {
      const onAbort = (): void => reject(new Error('no answer was waited for'));
      const settled = (): void => {
        this.#waiting = undefined;
        signal.removeEventListener('abort', onAbort);
      };
      this.#waiting = {
        resolve: (reply) => {
          settled();
          resolve(reply);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      else if (this.#end !== undefined) this.#waiting.reject(this.#end);
      else if (command !== undefined) this.#socket.write(`${command}\n`);
    }).finally(() => {
      this.#waiting = undefined;
    });
  }

  #take(bytes: Buffer): void {
    if (this.#end !== undefined) return;
    try {
      for (const reply of this.#decoder.push(bytes)) {
        if (this.#waiting === undefined) throw new Error('an answer that nobody has asked for');
        this.#waiting.resolve(reply);
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #fail(error: Error): void {
    if (this.#end === undefined) this.#end = error;
    this.#socket.destroy();
    this.#waiting?.reject(this.#end);
  }
}
