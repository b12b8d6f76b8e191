// The CNI socket as the executable meets it: whole and in pieces, with and without somebody who
// listens at the other end, and when it closes.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { encodeRequest } from '../../../src/cni/frame.ts';
import { CniServer } from '../../../src/cni/server.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';

const frameWith = (stdin: string): Buffer =>
  encodeRequest({
    environment: new Map([['CNI_COMMAND', 'ADD']]),
    stdin: Buffer.from(stdin),
    hasNetns: false,
    isRepeated: false,
  });

type World = { readonly path: string; readonly server: CniServer };

async function start(
  context: TestContext,
  handle: (stdin: string) => Promise<string>,
): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-server-'));
  const path = join(directory, 'run', 'cni.sock');
  const server = new CniServer({
    socketPath: path,
    clock: systemClock,
    log: silentLog,
    prepare: async () => undefined,
    handle: async ({ stdin }) => ({ exitCode: 0, stdout: await handle(stdin.toString()) }),
  });
  await server.start();
  context.after(async () => {
    await server.close();
    rmSync(directory, { recursive: true });
  });
  return { path, server };
}

/** All that comes back until the other end closes. */
function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('error', reject);
    // Version, exit code and length come before stdout.
    socket.on('close', () => resolve(Buffer.concat(pieces).subarray(6).toString()));
  });
}

const echo = async (stdin: string): Promise<string> => `got ${stdin.length}`;
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe('the CNI socket', () => {
  test("is root's alone, and is gone after the close", async (context) => {
    const { path, server } = await start(context, echo);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
    await server.close();
    assert.deepEqual(readdirSync(join(path, '..')), []);
  });

  test('takes a call that comes in pieces, and one larger than a read', async (context) => {
    const { path } = await start(context, echo);
    const slow = connect(path);
    const answer = answerOf(slow);
    for (const byte of frameWith('x')) {
      slow.write(Buffer.of(byte));
      await pause();
    }
    assert.equal(await answer, 'got 1');
    const large = connect(path);
    large.write(frameWith('y'.repeat(1_000_000)));
    assert.equal(await answerOf(large), 'got 1000000');
  });

  test('sends an answer that is larger than what the kernel keeps', async (context) => {
    const { path } = await start(context, async () => 'z'.repeat(2_000_000));
    const socket = connect(path);
    socket.write(frameWith(''));
    assert.equal((await answerOf(socket)).length, 2_000_000);
  });
});

describe('the CNI socket with several at it', () => {
  test('serves others while one is at work, and finishes what nobody waits for', async (context) => {
    const finished: string[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { path } = await start(context, async (stdin) => {
      if (stdin === 'slow') await held;
      finished.push(stdin);
      return stdin;
    });
    const gone = connect(path);
    gone.write(frameWith('slow'));
    const quick = connect(path);
    quick.write(frameWith('quick'));
    assert.equal(await answerOf(quick), 'quick');
    gone.destroy();
    release();
    for (let tries = 0; tries < 1_000 && finished.length < 2; tries += 1) await pause();
    assert.deepEqual(finished, ['quick', 'slow']);
  });

  test('hangs up on whoever says nothing when it closes, but answers who waits', async (context) => {
    const begun = Promise.withResolvers<void>();
    const { path, server } = await start(context, async (stdin) => {
      begun.resolve();
      await pause();
      return stdin;
    });
    const silent = connect(path);
    const silence = answerOf(silent);
    const busy = connect(path);
    busy.write(frameWith('busy'));
    const answer = answerOf(busy);
    await begun.promise;
    const closing = server.close();
    assert.equal(await answer, 'busy');
    silent.end();
    await closing;
    assert.equal(await silence, '');
  });

  test("leaves a successor's socket alone", async (context) => {
    const { path, server } = await start(context, echo);
    rmSync(path);
    writeFileSync(path, 'of another');
    await server.close();
    assert.equal(statSync(path).size, 'of another'.length);
  });

  test('says which path is too long', async () => {
    const server = new CniServer({
      socketPath: join(tmpdir(), 'x'.repeat(120)),
      clock: systemClock,
      log: silentLog,
      prepare: async () => undefined,
      handle: async () => ({ exitCode: 0, stdout: '' }),
    });
    await assert.rejects(server.start(), /x{120}: .*a socket's path has at most 107 bytes/);
  });
});
