// What Poplin asks of BIRD, command by command, on one connection. What BIRD refuses about a
// configuration is a value with its own words; whatever else goes wrong is an AppError BIRD.

import { AppError, describeError } from '../lib/errors.ts';
import type { BirdConnection } from './connection.ts';
import type { BirdReply } from './reply.ts';
import { isRefused, wordsOf } from './reply.ts';
import type { BirdSession } from './sessions.ts';
import { parseBfdSessions, parseSessions } from './sessions.ts';
import type { BirdStatus } from './status.ts';
import { parseStatus } from './status.ts';

export type ConfigureOutcome =
  | { readonly kind: 'taken' }
  /** In BIRD's words: file, line and column, and what is wrong. */
  | { readonly kind: 'refused'; readonly words: string };

/** Reading a configuration of thousands of peers, on a machine that has much else to do. */
const CONFIGURE_TIMEOUT_MS = 20_000;

const NOTHING_TO_DO_CODE = 19;
const VALUE_CODE = 23;

export class BirdCommands {
  readonly #connection: BirdConnection;
  readonly #stop: AbortSignal;

  constructor(connection: BirdConnection, stop: AbortSignal) {
    this.#connection = connection;
    this.#stop = stop;
  }

  get ended(): Promise<string> {
    return this.#connection.ended;
  }

  close(): void {
    this.#connection.close();
  }

  async status(): Promise<BirdStatus> {
    return understood('show status', await this.#ask('show status'), parseStatus);
  }

  async sessions(): Promise<BirdSession[]> {
    const { now } = await this.status();
    const bfd = understood(
      'show bfd sessions',
      await this.#send('show bfd sessions'),
      parseBfdSessions,
    );
    const reply = await this.#ask('show protocols all');
    return understood('show protocols', reply, (each) => parseSessions(each, { now, bfd }));
  }

  /** The value of a constant of the configuration that BIRD runs; undefined where it has none. */
  async constant(name: string): Promise<string | undefined> {
    const reply = await this.#send(`eval ${name}`);
    return reply.code === VALUE_CODE ? wordsOf(reply) : undefined;
  }

  /** Reads the file, and changes nothing. */
  check(file: string): Promise<ConfigureOutcome> {
    return this.#configure(`configure check ${quoted(file)}`);
  }

  /** Takes the file; with a time, what was before comes back after it unless there is `confirm`. */
  configure(file: string, undoAfterSeconds?: number): Promise<ConfigureOutcome> {
    const undo = undoAfterSeconds === undefined ? '' : ` timeout ${undoAfterSeconds}`;
    return this.#configure(`configure ${quoted(file)}${undo}`);
  }

  /** False when there is nothing to confirm: it has been taken back meanwhile. */
  async confirm(): Promise<boolean> {
    return (await this.#ask('configure confirm')).code !== NOTHING_TO_DO_CODE;
  }

  /** What was before the last `configure` comes back. */
  async undo(): Promise<void> {
    await this.#ask('configure undo', CONFIGURE_TIMEOUT_MS);
  }

  /** Of all tables. */
  async routeCount(): Promise<number> {
    const reply = await this.#ask('show route count');
    const [, count] = /(\d+) of \d+ routes/.exec(wordsOf(reply)) ?? [];
    if (count !== undefined) return Number(count);
    throw new AppError('BIRD', 'BIRD: show route count', `not understood: ${wordsOf(reply)}`);
  }

  /** BIRD ends, and its neighbours keep its routes for as long as they were told. */
  async gracefulRestart(): Promise<void> {
    await this.#ask('graceful restart');
  }

  async #configure(command: string): Promise<ConfigureOutcome> {
    const reply = await this.#send(command, CONFIGURE_TIMEOUT_MS);
    return isRefused(reply) ? { kind: 'refused', words: wordsOf(reply) } : { kind: 'taken' };
  }

  async #ask(command: string, timeoutMs?: number): Promise<BirdReply> {
    const reply = await this.#send(command, timeoutMs);
    if (isRefused(reply)) throw new AppError('BIRD', `BIRD: ${command}`, wordsOf(reply));
    return reply;
  }

  #send(command: string, timeoutMs?: number): Promise<BirdReply> {
    const stop = this.#stop;
    return this.#connection.command(
      command,
      timeoutMs === undefined ? { stop } : { timeoutMs, stop },
    );
  }
}

function understood<Result>(
  command: string,
  reply: BirdReply,
  parse: (reply: BirdReply) => Result,
): Result {
  try {
    return parse(reply);
  } catch (error) {
    throw new AppError('BIRD', `BIRD: ${command}`, describeError(error), error);
  }
}

/** BIRD knows no escapes in a text. */
function quoted(file: string): string {
  if (!/["\r\n]/.test(file)) return `"${file}"`;
  throw new AppError(
    'BIRD',
    `name ${JSON.stringify(file)} to BIRD`,
    'a path without quotes is needed',
  );
}
