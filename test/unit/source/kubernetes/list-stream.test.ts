// Lists parsed as they arrive: cut anywhere, they yield the same objects.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readList } from '../../../../src/source/kubernetes/list-stream.ts';

async function* inPieces(text: string, sizes: readonly number[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  let start = 0;
  for (let index = 0; start < bytes.length; index += 1) {
    const end = start + (sizes[index % sizes.length] ?? 1);
    yield bytes.subarray(start, end);
    start = end;
  }
}

async function read(text: string, sizes: readonly number[] = [1_000_000]) {
  const items: unknown[] = [];
  const envelope = await readList(inPieces(text, sizes), { onItem: (item) => items.push(item) });
  return { items, envelope };
}

describe('a list that is read as it arrives', () => {
  test('is the same as one that is parsed whole, however it is cut', async () => {
    const item = fc.dictionary(fc.string(), fc.jsonValue());
    const list = fc.record({
      metadata: fc.record({ resourceVersion: fc.string(), continue: fc.string() }),
      items: fc.array(item, { maxLength: 4 }),
      other: fc.jsonValue(),
      more: fc.record({ items: fc.array(item, { maxLength: 2 }) }),
    });
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
    const indent = fc.constantFrom(undefined, 1, '\t');
    await fc.assert(
      fc.asyncProperty(list, sizes, indent, async (json, cuts, space) => {
        const { items, envelope } = await read(JSON.stringify(json, null, space), cuts);
        const whole = JSON.parse(JSON.stringify(json));
        assert.deepEqual(items, whole.items);
        assert.deepEqual(envelope, { ...whole, items: [] });
      }),
    );
  });

  const EMPTY = [
    ['no items', '{"metadata":{"resourceVersion":"1"}}'],
    ['items that are null', '{"metadata":{"resourceVersion":"1"},"items":null}'],
    ['an empty list', '{"items":[],"metadata":{"resourceVersion":"1"}}'],
  ] as const;
  for (const [name, text] of EMPTY) {
    test(`${name} is a list without elements`, async () => {
      const { items, envelope } = await read(text);
      assert.deepEqual(items, []);
      assert.equal(envelope.metadata?.resourceVersion, '1');
    });
  }

  test('what is cut off is refused', async () => {
    await assert.rejects(read('{"items":[{"a":1},{"b":'));
    await assert.rejects(read('<html>'));
    await assert.rejects(read(''));
  });
});
