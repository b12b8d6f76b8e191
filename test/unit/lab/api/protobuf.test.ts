// Bodies in Kubernetes' protobuf envelope, which newer kubectls send for some commands.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeProtobuf } from '../../../../src/lab/api/protobuf.ts';
import { StatusError } from '../../../../src/lab/api/status.ts';

/** One field with a length, as protobuf writes it. */
function field(number: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  const length =
    bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

const message = (...fields: readonly Buffer[]): Buffer => Buffer.concat(fields);

const sent = (kind: string, raw: Buffer): Buffer =>
  message(
    Buffer.from('k8s\0'),
    field(1, message(field(1, 'v1'), field(2, kind))),
    field(2, raw),
    field(3, ''),
    field(4, ''),
  );

const pair = (key: string, value: string): Buffer => message(field(1, key), field(2, value));

describe('an object in protobuf', () => {
  test('is decoded with its metadata and maps', () => {
    /** generation 0, as Go always writes it. */
    const generation = Buffer.from([7 << 3, 0]);
    const labels = [field(11, pair('a', 'b')), field(11, pair('c', ''))];
    const metadata = message(
      field(1, 'x'),
      field(3, 'poplin'),
      generation,
      field(8, ''),
      ...labels,
    );
    const long = 'y'.repeat(300);
    const object = message(
      field(1, metadata),
      field(2, pair('k', long)),
      field(3, pair('b', '\0')),
    );
    assert.deepEqual(decodeProtobuf(sent('ConfigMap', object)), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x', namespace: 'poplin', labels: { a: 'b', c: '' } },
      data: { k: long },
      binaryData: { b: 'AA==' },
    });
  });

  test('of another kind, or with a field that would be lost, is refused', () => {
    const metadata = field(1, field(1, 'x'));
    assert.throws(() => decodeProtobuf(sent('Pod', metadata)), /objects of kind Pod/);
    assert.throws(() => decodeProtobuf(sent('constructor', metadata)), StatusError);
    const finalizers = field(1, message(field(1, 'x'), field(14, 'keep')));
    assert.throws(() => decodeProtobuf(sent('ConfigMap', finalizers)), /field 14/);
  });

  test('that is malformed is refused and nothing worse', () => {
    const whole = sent('ConfigMap', field(1, field(1, 'x')));
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((tail) => Buffer.concat([Buffer.from('k8s\0'), tail])),
      fc.nat(whole.length).map((end) => whole.subarray(0, end)),
      fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, byte]) => {
        const changed = Buffer.from(whole);
        changed[at] = byte;
        return changed;
      }),
    );
    fc.assert(
      fc.property(bytes, (body) => {
        try {
          decodeProtobuf(body);
        } catch (error) {
          assert.ok(error instanceof StatusError, String(error));
        }
      }),
    );
  });
});
