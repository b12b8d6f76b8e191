// The codec of the frame, against hand-made bytes and against itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeRequest, encodeReply, encodeRequest } from '../../../src/cni/frame.ts';

const HELLO = Buffer.concat([
  Buffer.from('PPLN'),
  Buffer.from([1, 0x01, 0, 0, 0, 16, 0, 0, 0, 2]),
  Buffer.from('CNI_COMMAND=ADD\0'),
  Buffer.from('{}'),
]);

describe('CNI request frame', () => {
  test('is decoded from the bytes that the design fixes', () => {
    const decoded = decodeRequest(HELLO);
    assert.ok(decoded.kind === 'frame');
    assert.deepEqual([...decoded.frame.environment], [['CNI_COMMAND', 'ADD']]);
    assert.equal(decoded.frame.stdin.toString(), '{}');
    assert.equal(decoded.frame.hasNetns, true);
    assert.equal(decoded.frame.isRepeated, false);
  });

  test('is incomplete at every cut, and says how much is needed', () => {
    for (let length = 0; length < HELLO.length; length += 1) {
      const decoded = decodeRequest(HELLO.subarray(0, length));
      assert.ok(decoded.kind === 'incomplete', `cut at ${length}: ${decoded.kind}`);
      assert.equal(decoded.neededBytes, length < 14 ? 14 : HELLO.length);
    }
  });

  const refused: readonly [string, (bytes: Buffer) => Buffer, object][] = [
    ['another magic', (b) => b.fill('X', 0, 1), { kind: 'malformed' }],
    ['another version', (b) => b.fill(7, 4, 5), { kind: 'unknown-version', version: 7 }],
    ['an environment of 4 GiB', (b) => b.fill(0xff, 6, 10), { kind: 'malformed' }],
    ['a stdin of 4 GiB', (b) => b.fill(0xff, 10, 14), { kind: 'malformed' }],
    ['bytes after the end', (b) => Buffer.concat([b, Buffer.from('x')]), { kind: 'malformed' }],
  ];
  for (const [name, change, expected] of refused) {
    test(`is refused with ${name}`, () => {
      assert.partialDeepStrictEqual(decodeRequest(change(Buffer.from(HELLO))), expected);
    });
  }

  test('of another version is known as such from its fifth byte on', () => {
    assert.deepEqual(decodeRequest(Buffer.from('PPLN\x02')), {
      kind: 'unknown-version',
      version: 2,
    });
  });

  test('keeps the first of two variables of one name, as getenv does', () => {
    const environment = Buffer.from('CNI_IFNAME=a\0CNI_IFNAME=b\0junk\0=x\0');
    const bytes = Buffer.concat([HELLO.subarray(0, 14), environment]);
    bytes.writeUInt32BE(environment.length, 6);
    bytes.writeUInt32BE(0, 10);
    const decoded = decodeRequest(bytes);
    assert.ok(decoded.kind === 'frame');
    assert.deepEqual([...decoded.frame.environment], [['CNI_IFNAME', 'a']]);
  });

  test('is the same after encoding and decoding', () => {
    const name = fc.stringMatching(/^CNI_[A-Z]{1,9}$/);
    const value = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
    const members = {
      environment: fc.array(fc.tuple(name, value)).map((pairs) => new Map(pairs)),
      stdin: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      hasNetns: fc.boolean(),
      isRepeated: fc.boolean(),
    };
    const frame = fc.record(members, { noNullPrototype: true });
    fc.assert(
      fc.property(frame, (wanted) => {
        const decoded = decodeRequest(encodeRequest(wanted));
        assert.ok(decoded.kind === 'frame');
        assert.deepEqual(decoded.frame, wanted);
      }),
    );
  });

  test('never throws, whatever the bytes', () => {
    const prefix = fc.constantFrom('', 'PPLN', 'PPLN\x01', 'PPLN\x01\x00\x00\x00\x00');
    fc.assert(
      fc.property(prefix, fc.uint8Array({ maxLength: 64 }), (start, rest) => {
        decodeRequest(Buffer.concat([Buffer.from(start, 'latin1'), rest]));
      }),
      { numRuns: 2000 },
    );
  });
});

test('a reply has version, exit code, length and text', () => {
  const bytes = encodeReply({ exitCode: 1, stdout: 'ü\n' });
  assert.deepEqual([...bytes], [1, 1, 0, 0, 0, 3, 0xc3, 0xbc, 0x0a]);
});
