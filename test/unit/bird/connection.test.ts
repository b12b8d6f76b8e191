// The connection to BIRD against somebody who answers as told: bounds, stops, and what becomes of a
// connection on which something was not understood. A real BIRD is in test/system.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BirdCommands } from '../../../src/bird/commands.ts';
import { BirdConnection } from '../../../src/bird/connection.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { recorded } from '../../fuzz/bird-corpus.ts';

const { signal: never } = new AbortController();
const GENEROUS_MS = 30_000;

/** Somebody who answers as told; undefined: says nothing. */
class Answering implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'poplin-bird-'));
  readonly socketPath = join(this.directory, 'bird.ctl');
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  constructor(answer: (command: string) => string | undefined, greeting = '0001 BIRD ready.\n') {
    this.#server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      socket.write(greeting);
      socket.on('data', (bytes: Buffer) => {
        const text = answer(bytes.toString().trim());
        if (text !== undefined) socket.write(text);
      });
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.socketPath, resolve));
  }

  open(timeoutMs = GENEROUS_MS): Promise<BirdConnection> {
    const { socketPath } = this;
    return BirdConnection.open({ socketPath, clock: systemClock, timeoutMs, stop: never });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const isBirdError = (words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AppError && error.code === 'BIRD', String(error));
  assert.match(error.message, words);
  return true;
};

describe('a connection to BIRD', () => {
  test('asks one command after the other', async () => {
    await using bird = new Answering((command) =>
      command.startsWith('eval')
        ? '0023 abc\n'
        : recorded('2.0.12-sessions.txt', command).toString(),
    );
    await bird.listen();
    const connection = await bird.open();
    const commands = new BirdCommands(connection, never);
    assert.equal((await commands.status()).version, '2.0.12');
    assert.equal((await commands.sessions()).length, 7);
    assert.equal(await commands.routeCount(), 9);
    assert.equal(await commands.constant('POPLIN_CONFIG'), 'abc');
    assert.deepEqual(await commands.check('/run/poplin/bird/a.conf'), { kind: 'taken' });
    const words = '/run/poplin/bird/none.conf: No such file or directory';
    assert.deepEqual(await commands.check('/run/poplin/bird/none.conf'), {
      kind: 'refused',
      words,
    });
    assert.deepEqual(await commands.configure('/run/poplin/bird/a.conf', 5), { kind: 'taken' });
    assert.equal(await commands.confirm(), false, 'the recorded BIRD had nothing to confirm');
    connection.close();
    assert.match(await connection.ended, /was closed/);
  });

  test('a path that BIRD would read otherwise is not sent', async () => {
    const said: string[] = [];
    await using bird = new Answering((command) => {
      said.push(command);
      return '0000 \n';
    });
    await bird.listen();
    const connection = await bird.open();
    const commands = new BirdCommands(connection, never);
    assert.throws(() => commands.check('/run/a"; down; "'), isBirdError(/without quotes/));
    assert.deepEqual(said, []);
    connection.close();
  });

  test('nobody listens', async () => {
    await using bird = new Answering(() => undefined);
    await assert.rejects(bird.open(), isBirdError(/connect: .*ENOENT/));
  });

  test('somebody else listens', async () => {
    await using bird = new Answering(() => undefined, '220 ready\n');
    await bird.listen();
    await assert.rejects(bird.open(), isBirdError(/a line without a code: "220 ready"/));
  });

  test('an answer that does not come is waited for so long, and no longer', async () => {
    await using bird = new Answering(() => undefined);
    await bird.listen();
    const connection = await bird.open();
    const asked = connection.command('show status', { timeoutMs: 20, stop: never });
    await assert.rejects(asked, isBirdError(/show status: no answer within 20 ms/));
    // What comes late must not be taken for the answer to another command.
    assert.match(await connection.ended, /no answer within 20 ms/);
    const another = connection.command('show status', { stop: never });
    await assert.rejects(another, isBirdError(/no answer within 20 ms/));
  });

  test('a stop ends what is waited for', async () => {
    await using bird = new Answering(() => undefined);
    await bird.listen();
    const connection = await bird.open();
    const stop = new AbortController();
    const asked = connection.command('show status', { stop: stop.signal });
    stop.abort();
    await assert.rejects(asked, isBirdError(/show status/));
    await connection.ended;
  });

  test('the end of BIRD is known at once, in the middle of a command and between two', async () => {
    for (const isAsking of [true, false]) {
      await using bird = new Answering(() => undefined);
      await bird.listen();
      const connection = await bird.open();
      const asked = isAsking ? connection.command('show status', { stop: never }) : undefined;
      for (const socket of bird.sockets) socket.destroy();
      if (asked !== undefined)
        await assert.rejects(asked, isBirdError(/closed the connection|ECONNRESET/));
      assert.match(await connection.ended, /closed the connection|ECONNRESET/);
    }
  });

  test('an answer that nobody has asked for ends it', async () => {
    await using bird = new Answering(() => '0000 \n0000 \n');
    await bird.listen();
    const connection = await bird.open();
    await connection.command('show status', { stop: never });
    assert.match(await connection.ended, /nobody has asked for/);
  });
});
