// The C executable against agents that answer well, badly, late or not at all.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { CniFrame } from '../../../src/cni/frame.ts';
import { decodeRequest, encodeReply, encodeRequest } from '../../../src/cni/frame.ts';
import { withinSomeTime } from '../some-time.ts';
import type { Installation, Outcome } from './executable.ts';
import { BUILT, call, envOf, install } from './executable.ts';
import type { Behaviour } from './scripted-agent.ts';
import { close, withAgent } from './scripted-agent.ts';

const errorIn = (stdout: string): { code: number; msg: string; details: string } =>
  JSON.parse(stdout);

describe('the CNI executable', () => {
  let place: Installation;
  /** Waits while the other tests run. */
  let forsaken: { readonly place: Installation; readonly running: Promise<Outcome> };
  before(async () => {
    place = await install();
    const shipped = await install('as shipped');
    const running = call(shipped.executable, { env: envOf('ADD'), stdin: '{}' });
    forsaken = { place: shipped, running };
  });
  after(() => {
    place.remove();
    forsaken.place.remove();
  });

  test('is static, and small when musl is there', () => {
    const bytes = readFileSync(BUILT);
    assert.ok(!bytes.includes('/lib64/ld-linux') && !bytes.includes('/lib/ld-musl'));
    const hasMusl = execFileSync('sh', ['-c', 'command -v musl-gcc || true']).length > 0;
    if (hasMusl) assert.ok(statSync(BUILT).size < 100_000, `${statSync(BUILT).size} bytes`);
  });

  test('answers VERSION alone, in an instant', async () => {
    const { exitCode, stdout } = await call(place.executable, { env: { CNI_COMMAND: 'VERSION' } });
    assert.equal(exitCode, 0);
    assert.deepEqual(JSON.parse(stdout), {
      cniVersion: '1.1.0',
      supportedVersions: ['0.3.1', '0.4.0', '1.0.0', '1.1.0'],
    });
  });

  test('tells about itself on stderr when there is no command', async () => {
    for (const env of [{}, { CNI_COMMAND: '' }]) {
      const outcome = await call(place.executable, { env });
      assert.equal(outcome.exitCode, 0);
      assert.equal(outcome.stdout, '');
      assert.match(outcome.stderr, /poplin: CNI plugin.*\n.*0\.3\.1, 0\.4\.0, 1\.0\.0, 1\.1\.0/);
    }
  });

  test('forwards the CNI_* environment and stdin, and nothing else', async () => {
    const stdin = Buffer.from([...Array(256).keys()]);
    const env = envOf('ADD', { CNI_ARGS: 'A=b=c;D=ü', NODE_OPTIONS: '--inspect', CNIX: '1' });
    const frames: CniFrame[] = [];
    await withAgent(
      place,
      (socket, frame) => {
        frames.push(frame);
        socket.end(encodeReply({ exitCode: 0, stdout: '' }));
      },
      () => call(place.executable, { env, stdin }),
    );
    const [frame] = frames;
    assert.ok(frame !== undefined);
    assert.deepEqual([...frame.environment].sort(), [
      ['CNI_ARGS', 'A=b=c;D=ü'],
      ['CNI_COMMAND', 'ADD'],
      ['CNI_CONTAINERID', 'c1'],
      ['CNI_IFNAME', 'eth0'],
      ['CNI_NETNS', ''],
      ['CNI_PATH', '/opt/cni/bin'],
    ]);
    assert.deepEqual(frame.stdin, stdin);
    assert.equal(frame.hasNetns, false);
    assert.equal(frame.isRepeated, false);
  });

  test('prints exactly what comes back, and exits likewise', async () => {
    const text = `{"x": "ü \\u0000"}\n${'y'.repeat(300_000)}`;
    const outcome = await withAgent(
      place,
      (socket) => socket.end(encodeReply({ exitCode: 42, stdout: text })),
      () => call(place.executable, { env: envOf('ADD'), stdin: 'z'.repeat(1 << 20) }),
    );
    assert.equal(outcome.exitCode, 42);
    assert.equal(outcome.stdout, text);
    assert.equal(outcome.stderr, '');
  });

  const bad: readonly [string, string, Behaviour, number][] = [
    ['an answer of another version', 'ADD', (s) => s.end('\x02\0\0\0\0\0'), 1],
    ['an answer that is too long', 'ADD', (s) => s.write('\x01\0\x7f\xff\xff\xff', 'latin1'), 6],
    ['an answer without a body', 'ADD', (s) => s.end('\x01\0\0\0\0\x09{}'), 11],
    ['half a header', 'CHECK', (s) => s.end('\x01\0'), 11],
    ['nothing but a close', 'GC', (s) => s.end(), 11],
    ['nothing but a close with bytes unread', 'CHECK', (s) => s.destroy(), 11],
    ['half an answer to STATUS', 'STATUS', (s) => s.end('\x01\0\0\0\0\x09{}'), 50],
    ['silence to STATUS', 'STATUS', () => undefined, 50],
  ];
  for (const [name, verb, behave, code] of bad) {
    test(`turns ${name} into CNI error ${code}`, async () => {
      const outcome = await withAgent(place, behave, () =>
        call(place.executable, { env: envOf(verb), stdin: '{}' }),
      );
      assert.equal(outcome.exitCode, 1);
      assert.equal(errorIn(outcome.stdout).code, code, outcome.stdout);
      assert.ok(outcome.durationMs < 30_000, `${outcome.durationMs} ms`);
    });
  }

  test('ends in an orderly way whatever bytes it gets', async () => {
    const reply = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array([1, 0, 0, 0, 0, ...bytes])),
    );
    await fc.assert(
      fc.asyncProperty(reply, async (bytes) => {
        const outcome = await withAgent(
          place,
          (socket) => socket.end(bytes),
          () => call(place.executable, { env: envOf('CHECK'), stdin: '{}' }),
        );
        assert.equal(outcome.signal, null);
        const length = bytes.length < 6 ? -1 : Buffer.from(bytes).readUInt32BE(2);
        const isWhole = bytes[0] === 1 && length >= 0 && bytes.length - 6 >= length;
        if (isWhole) assert.equal(outcome.exitCode, bytes[1]);
        else assert.ok([1, 6, 11].includes(errorIn(outcome.stdout).code), outcome.stdout);
      }),
      { numRuns: 60 },
    );
  });

  test('waits with ADD for an agent that is just starting', async () => {
    rmSync(place.socketPath, { force: true });
    const patient = await install(60_000);
    const running = call(patient.executable, { env: envOf('ADD'), stdin: '{}' });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const outcome = await withAgent(
      patient,
      (socket) => socket.end(encodeReply({ exitCode: 0, stdout: 'late' })),
      () => running,
    );
    patient.remove();
    assert.equal(outcome.stdout, 'late');
    assert.ok(outcome.durationMs < 30_000, `${outcome.durationMs} ms`);
  });

  test('repeats an ADD that broke off, and marks it as repeated', async () => {
    const marks: boolean[] = [];
    const outcome = await withAgent(
      place,
      (socket, { isRepeated }) => {
        marks.push(isRepeated);
        if (marks.length === 1) socket.destroy();
        else socket.end(encodeReply({ exitCode: 0, stdout: 'done' }));
      },
      () => call(place.executable, { env: envOf('ADD'), stdin: '{}' }),
    );
    assert.equal(outcome.stdout, 'done');
    assert.deepEqual(marks, [false, true]);
  });

  describe('with the agent away', () => {
    before(() => rmSync(place.socketPath, { force: true }));

    for (const [verb, code, atLeastMs] of [
      ['ADD', 11, 250],
      ['CHECK', 11, 0],
      ['GC', 11, 0],
      ['STATUS', 50, 0],
    ] as const) {
      test(`answers ${verb} with code ${code} and the socket's path`, async () => {
        const outcome = await call(place.executable, { env: envOf(verb), stdin: '{}' });
        assert.equal(outcome.exitCode, 1);
        const error = errorIn(outcome.stdout);
        assert.equal(error.code, code);
        assert.ok(error.details.includes(place.socketPath), error.details);
        assert.ok(outcome.durationMs >= atLeastMs, `${outcome.durationMs} ms`);
        const again = () => call(place.executable, { env: envOf(verb), stdin: '{}' });
        await withinSomeTime(atLeastMs + 500, async () => (await again()).durationMs);
      });
    }

    test('also counts a stale socket as away', async () => {
      const server = createServer();
      const elsewhere = `${place.socketPath}.x`;
      await new Promise<void>((resolve) => server.listen(elsewhere, resolve));
      renameSync(elsewhere, place.socketPath);
      await close(server);
      const outcome = await call(place.executable, { env: envOf('STATUS'), stdin: '{}' });
      assert.equal(errorIn(outcome.stdout).code, 50);
      rmSync(place.socketPath);
    });

    test('records a DEL as the whole call, once, for root only', async () => {
      const env = envOf('DEL', { CNI_ARGS: 'X=1' });
      for (const stdin of ['{"first":1}', '{"name":"poplin"}']) {
        const outcome = await call(place.executable, { env, stdin });
        assert.deepEqual([outcome.exitCode, outcome.stdout], [0, '']);
      }
      assert.deepEqual(readdirSync(place.tombstoneDirectory), ['c1@eth0']);
      const file = join(place.tombstoneDirectory, 'c1@eth0');
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal(statSync(place.tombstoneDirectory).mode & 0o777, 0o700);
      const decoded = decodeRequest(readFileSync(file));
      assert.ok(decoded.kind === 'frame');
      assert.equal(decoded.frame.stdin.toString(), '{"name":"poplin"}');
      assert.equal(decoded.frame.environment.get('CNI_ARGS'), 'X=1');
      assert.deepEqual(encodeRequest(decoded.frame).length, readFileSync(file).length);
      rmSync(file);
    });

    test('leaves nothing outside of the tombstone directory', async () => {
      for (const CNI_CONTAINERID of ['../../x', '', '.', 'a@b', 'x'.repeat(300)]) {
        const outcome = await call(place.executable, { env: envOf('DEL', { CNI_CONTAINERID }) });
        assert.equal(errorIn(outcome.stdout).code, 4, CNI_CONTAINERID);
      }
      assert.equal(existsSync(join(place.directory, 'x@eth0')), false);
      assert.deepEqual(readdirSync(place.tombstoneDirectory), []);
    });

    test('fails a DEL that cannot be recorded', async () => {
      rmSync(place.tombstoneDirectory, { recursive: true });
      writeFileSync(place.tombstoneDirectory, 'a file in the way');
      const outcome = await call(place.executable, { env: envOf('DEL'), stdin: '{}' });
      assert.equal(errorIn(outcome.stdout).code, 5, outcome.stdout);
      assert.ok(errorIn(outcome.stdout).details.includes(place.tombstoneDirectory));
      rmSync(place.tombstoneDirectory);
    });

    test('records no more than 4096 DELs', async () => {
      mkdirSync(place.tombstoneDirectory, { recursive: true });
      for (let index = 0; index < 4096; index += 1) {
        writeFileSync(join(place.tombstoneDirectory, `old${index}@eth0`), '');
      }
      const refused = await call(place.executable, { env: envOf('DEL'), stdin: '{}' });
      assert.equal(errorIn(refused.stdout).code, 11);
      const CNI_CONTAINERID = 'old7';
      const again = await call(place.executable, { env: envOf('DEL', { CNI_CONTAINERID }) });
      assert.equal(again.exitCode, 0, 'one that is recorded already');
      rmSync(place.tombstoneDirectory, { recursive: true });
    });
  });

  test('refuses a configuration of more than 1 MiB with code 6', async () => {
    const stdin = 'x'.repeat((1 << 20) + 1);
    const outcome = await call(place.executable, { env: envOf('ADD'), stdin });
    assert.equal(errorIn(outcome.stdout).code, 6);
  });

  test('refuses an environment of more than 128 KiB with code 4', async () => {
    const env = envOf('ADD', { CNI_ARGS: 'x'.repeat(70_000), CNI_PATH: 'y'.repeat(70_000) });
    const outcome = await call(place.executable, { env });
    assert.equal(errorIn(outcome.stdout).code, 4);
  });

  test('tells with code 5 that stdin is closed', () => {
    const script = 'CNI_COMMAND=ADD "$0" <&- || true';
    const stdout = execFileSync('sh', ['-c', script, place.executable]).toString();
    assert.equal(errorIn(stdout).code, 5);
  });

  test('keeps its error JSON valid with an odd path', async () => {
    const odd = join(dirname(place.executable), 'poplin.paths');
    const content = readFileSync(odd);
    writeFileSync(odd, '/nowhere/"quoted"\\ü\x01/cni.sock\n');
    const outcome = await call(place.executable, { env: envOf('STATUS'), stdin: '{}' });
    writeFileSync(odd, content);
    chmodSync(odd, 0o644);
    assert.match(errorIn(outcome.stdout).details, /"quoted"\\\?/);
  });

  test('waits with ADD for 30 s as it is shipped', async () => {
    const outcome = await forsaken.running;
    assert.equal(errorIn(outcome.stdout).code, 11);
    assert.ok(outcome.durationMs >= 30_000, `${outcome.durationMs} ms`);
    // A runtime's own patience ends after minutes.
    assert.ok(outcome.durationMs < 60_000, `${outcome.durationMs} ms`);
  });
});
