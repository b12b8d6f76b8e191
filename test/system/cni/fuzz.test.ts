// The executable under sanitizers, with agents that answer anything and runtimes that ask anything:
// it always ends, in time, and prints either what an agent said or a CNI error, and nothing else.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeReply } from '../../../src/cni/frame.ts';
import type { Installation, Outcome } from './executable.ts';
import { call, envOf, install, SANITIZED, SANITIZER_EXIT } from './executable.ts';
import { withAgent } from './scripted-agent.ts';

const VERBS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS'] as const;
const REPLY = encodeReply({ exitCode: 7, stdout: '{"an": "answer"}\n' });
const AT_ONCE = 8;

/** What it may say when the agent's answer is none. */
const CODES: Readonly<Record<string, number>> = { ADD: 11, CHECK: 11, GC: 11, STATUS: 50 };

function assertOrderly({ signal, exitCode, stderr }: Outcome, what: string): void {
  assert.equal(signal, null, what);
  assert.notEqual(exitCode, SANITIZER_EXIT, `${what}: ${stderr}`);
  assert.equal(stderr, '', what);
}

function errorIn({ exitCode, stdout }: Outcome, what: string): number {
  assert.equal(exitCode, 1, what);
  const error = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual(Object.keys(error), ['cniVersion', 'code', 'msg', 'details'], what);
  assert.equal(typeof error.msg, 'string');
  assert.equal(typeof error.code, 'number');
  return Number(error.code);
}

/** A few at a time: each is a process. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

describe('the executable under sanitizers', () => {
  let place: Installation;
  before(async () => {
    place = await install(1, SANITIZED);
  });
  after(() => place.remove());

  const clearTombstones = (): void => {
    rmSync(place.tombstoneDirectory, { recursive: true, force: true });
  };

  /** One answer; the outcome of the call that got it. */
  const answered = (verb: string, answer: (socket: Socket) => void): Promise<Outcome> =>
    withAgent(place, answer, () => call(place.executable, { env: envOf(verb), stdin: '{}' }));

  test('is told by them when something is wrong', async () => {
    const { stderr } = await call('/bin/sh', {
      env: {},
      stdin: `printf '#include <stdlib.h>\\nint main(int c,char**v){(void)v;char*p=malloc(1);
        return p[c];}' | gcc -fsanitize=address,undefined -fno-sanitize-recover=all -xc -o "$0" -
        "$0"`.replaceAll('"$0"', `"${place.directory}/wrong"`),
    });
    assert.match(stderr, /AddressSanitizer: heap-buffer-overflow/);
  });

  test('takes an answer that ends after any byte', async () => {
    const cuts = VERBS.flatMap((verb) =>
      Array.from({ length: REPLY.length + 1 }, (_, length) => ({ verb, length })),
    );
    const answers = new Map(
      cuts.map(({ verb, length }) => [`${verb}-${length}`, REPLY.subarray(0, length)]),
    );
    await withAgent(
      place,
      (socket, { environment }) => {
        socket.end(answers.get(environment.get('CNI_CONTAINERID') ?? '') ?? '');
      },
      () =>
        each(cuts, async ({ verb, length }) => {
          const what = `${verb}-${length}`;
          const env = envOf(verb, { CNI_CONTAINERID: what });
          const outcome = await call(place.executable, { env, stdin: '{}' });
          assertOrderly(outcome, what);
          if (length === REPLY.length) {
            assert.deepEqual([outcome.exitCode, outcome.stdout], [7, '{"an": "answer"}\n'], what);
          } else if (verb === 'DEL') {
            assert.deepEqual([outcome.exitCode, outcome.stdout], [0, ''], what);
          } else {
            assert.equal(errorIn(outcome, what), CODES[verb], what);
          }
        }),
    );
    assert.equal(readdirSync(place.tombstoneDirectory).length, REPLY.length);
    clearTombstones();
  });

  test('takes any bytes for an answer', async () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const header = fc.tuple(fc.constantFrom(0, 1, 1, 1, 2, 255), byte, fc.nat(2 ** 32 - 1));
    const reply = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(header, fc.uint8Array({ maxLength: 40 })).map(([[version, code, length], rest]) => {
        const head = Buffer.from([version, code, 0, 0, 0, 0]);
        head.writeUInt32BE(length, 2);
        return Buffer.concat([head, rest]);
      }),
    );
    const replies = fc.sample(reply, { numRuns: 120, seed: 20_260 });
    const cases = replies.map((bytes, index) => ({
      bytes,
      index,
      verb: VERBS[index % 5] ?? 'ADD',
    }));
    await withAgent(
      place,
      (socket, { environment }) => {
        const index = Number(environment.get('CNI_CONTAINERID')?.slice(1));
        socket.end(replies[index] ?? '');
      },
      () =>
        each(cases, async ({ bytes, index, verb }) => {
          const what = `${verb} ${bytes.toString('hex')}`;
          const env = envOf(verb, { CNI_CONTAINERID: `c${index}` });
          const outcome = await call(place.executable, { env, stdin: '{}' });
          assertOrderly(outcome, what);
          const length = bytes.length < 6 ? -1 : bytes.readUInt32BE(2);
          if (bytes[0] === 1 && length >= 0 && length <= bytes.length - 6) {
            assert.equal(outcome.exitCode, bytes[1], what);
            assert.equal(outcome.stdout, bytes.subarray(6, 6 + length).toString(), what);
          } else if (verb !== 'DEL' || outcome.exitCode !== 0) {
            assert.ok([1, 6, 11, 50].includes(errorIn(outcome, what)), what);
          }
        }),
    );
    clearTombstones();
  });

  test('takes an answer that is too long for what it is', async () => {
    for (const length of [(1 << 20) + 1, 0x7fff_ffff, 0xffff_ffff]) {
      const head = Buffer.from([1, 0, 0, 0, 0, 0]);
      head.writeUInt32BE(length, 2);
      const answer = Buffer.concat([head, Buffer.alloc(3 << 20, 'x')]);
      const outcome = await answered('ADD', (socket) => socket.end(answer));
      assertOrderly(outcome, `${length} bytes`);
      assert.equal(errorIn(outcome, `${length} bytes`), 6);
    }
    const most = encodeReply({ exitCode: 0, stdout: 'y'.repeat(1 << 20) });
    const outcome = await answered('ADD', (socket) => socket.end(most));
    assertOrderly(outcome, 'the longest');
    assert.equal(outcome.stdout.length, 1 << 20);
  });

  test('takes an answer byte by byte, but not for ever', async () => {
    const drip = (socket: Socket): void => {
      let sent = 0;
      const timer = setInterval(() => {
        if (socket.destroyed || sent >= REPLY.length) clearInterval(timer);
        else socket.write(REPLY.subarray(sent, sent + 1));
        sent += 1;
      }, 5);
    };
    const whole = await answered('CHECK', drip);
    assertOrderly(whole, 'drip');
    assert.equal(whole.stdout, '{"an": "answer"}\n');
    const half = await answered('STATUS', (socket) => socket.write(REPLY.subarray(0, 9)));
    assertOrderly(half, 'half');
    assert.equal(errorIn(half, 'half'), 50);
  });

  test('takes any environment', async () => {
    const odd = fc.oneof(
      fc.constant(''),
      fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', '')),
      fc.string({ unit: 'grapheme', maxLength: 300 }).map((text) => text.replaceAll('\0', '')),
      fc.integer({ min: 1, max: 120_000 }).map((length) => 'x'.repeat(length)),
      fc.constantFrom(
        '/',
        '..',
        '../..',
        '/proc/self/ns/net',
        '/dev/null',
        '/nowhere',
        '\n',
        '"\\',
      ),
    );
    const env = fc.record(
      {
        CNI_COMMAND: fc.oneof(
          { weight: 4, arbitrary: fc.constantFrom('ADD', 'DEL', 'CHECK', 'GC', 'STATUS') },
          { weight: 1, arbitrary: odd },
        ),
        CNI_CONTAINERID: odd,
        CNI_NETNS: odd,
        CNI_IFNAME: odd,
        CNI_ARGS: odd,
        CNI_PATH: odd,
      },
      { requiredKeys: [] },
    );
    rmSync(place.socketPath, { force: true });
    await each(fc.sample(env, { numRuns: 120, seed: 20_261 }), async (sample) => {
      const what = JSON.stringify(sample).slice(0, 400);
      const given = Object.entries(sample).filter(([, value]) => value !== undefined);
      const outcome = await call(place.executable, {
        env: Object.fromEntries(given) as Record<string, string>,
        stdin: '{}',
      });
      if (sample.CNI_COMMAND === undefined || sample.CNI_COMMAND === '') {
        assert.deepEqual([outcome.exitCode, outcome.stdout], [0, ''], what);
        assert.match(outcome.stderr, /^poplin: CNI plugin/);
        return;
      }
      assertOrderly(outcome, what);
      if (outcome.exitCode === 0) assert.equal(outcome.stdout, '', what);
      else assert.ok([4, 5, 11, 50].includes(errorIn(outcome, what)), what);
    });
    assert.equal(existsSync('/nowhere'), false);
    clearTombstones();
  });
});
