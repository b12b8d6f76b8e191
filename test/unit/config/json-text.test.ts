// The walk over JSON text against JSON.parse itself: they must accept the same texts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { scanJson } from '../../../src/config/json-text.ts';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const agree = (text: string): void =>
  assert.equal(scanJson(text).kind === 'ok', parses(text), JSON.stringify(text));

describe('scanning JSON text', () => {
  test('accepts what JSON.stringify writes', () => {
    fc.assert(fc.property(fc.json({ depthSize: 'medium' }), agree));
  });

  test('judges damaged JSON as JSON.parse does', () => {
    const damaged = fc
      .tuple(fc.json(), fc.nat(200), fc.nat(3), fc.string({ maxLength: 3, unit: 'binary' }))
      .map(([text, at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut));
    fc.assert(fc.property(damaged, agree), { numRuns: 2000 });
  });

  for (const text of ['', ' ', '01', '1.', '-', '+1', '.5', '1e', 'nul', 'truefalse', '"\\x"']) {
    test(`judges ${JSON.stringify(text)} as JSON.parse does`, () => agree(text));
  }

  test('tells keys that repeat, but not the same key of two objects', () => {
    const scan = scanJson('{"a": {"x": 1}, "b": [{"x": 1}, {"X": 2, "x": 3}]}');
    assert.deepEqual(scan, {
      kind: 'ok',
      repeatedKeys: [
        {
          path: 'b[1].x',
          firstSpelling: 'X',
          first: { line: 1, column: 34 },
          second: { line: 1, column: 42 },
        },
      ],
    });
  });

  test('sees through escapes in keys', () => {
    const scan = scanJson('{"ab": 1, "\\u0061b": 2}');
    assert.equal(scan.kind === 'ok' && scan.repeatedKeys.length, 1);
  });

  test('has a bound on the depth', () => {
    const scan = scanJson('['.repeat(100_000));
    assert.deepEqual(scan, {
      kind: 'bad',
      at: { line: 1, column: 66 },
      problem: 'is nested deeper than 64 levels',
    });
  });
});
