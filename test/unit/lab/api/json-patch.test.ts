// JSON patches by the examples of RFC 6902, appendix A, and what else a hostile one may hold.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jsonPatch } from '../../../../src/lab/api/json-patch.ts';
import { StatusError } from '../../../../src/lab/api/status.ts';

const DONE = [
  ['{"foo":"bar"}', '{"op":"add","path":"/baz","value":"qux"}', '{"foo":"bar","baz":"qux"}'],
  ['{"a":["b","c"]}', '{"op":"add","path":"/a/1","value":"x"}', '{"a":["b","x","c"]}'],
  ['{"a":["b"]}', '{"op":"add","path":"/a/-","value":["c"]}', '{"a":["b",["c"]]}'],
  ['{"a":1,"b":2}', '{"op":"remove","path":"/a"}', '{"b":2}'],
  ['{"a":["b","x","c"]}', '{"op":"remove","path":"/a/1"}', '{"a":["b","c"]}'],
  ['{"a":1}', '{"op":"replace","path":"/a","value":null}', '{"a":null}'],
  ['{"a":{"b":1},"c":{}}', '{"op":"move","from":"/a/b","path":"/c/d"}', '{"a":{},"c":{"d":1}}'],
  ['{"a":["b","c","d"]}', '{"op":"move","from":"/a/0","path":"/a/2"}', '{"a":["c","d","b"]}'],
  ['{"a":[1]}', '{"op":"copy","from":"/a","path":"/b"}', '{"a":[1],"b":[1]}'],
  [
    '{"a":[{"b":1,"c":2}]}',
    '{"op":"test","path":"/a/0","value":{"c":2,"b":1}}',
    '{"a":[{"b":1,"c":2}]}',
  ],
  ['{"/":1,"~1":2}', '{"op":"test","path":"/~01","value":2}', '{"/":1,"~1":2}'],
  ['{"a":1}', '{"op":"add","path":"","value":{"b":2}}', '{"b":2}'],
  ['{"a":1}', '{"op":"add","path":"/a","value":2,"unknown":3}', '{"a":2}'],
  ['{}', '{"op":"add","path":"/__proto__","value":{"x":1}}', '{"__proto__":{"x":1}}'],
] as const;

const REFUSED = [
  ['{"a":1}', '[{"op":"test","path":"/a","value":"1"}]', 422],
  ['{"a":1}', '[{"op":"add","path":"/b/c","value":1}]', 422],
  ['{"a":[1]}', '[{"op":"add","path":"/a/3","value":1}]', 422],
  ['{"a":[1]}', '[{"op":"add","path":"/a/x","value":1}]', 422],
  ['{"a":1}', '[{"op":"remove","path":"/toString"}]', 422],
  ['{"a":1}', '[{"op":"move","path":"/b"}]', 422],
  ['{"a":1}', '[{"op":"add","path":"a","value":1}]', 422],
  ['{"a":1}', '[1]', 400],
  ['{"a":1}', '{"op":"remove","path":"/a"}', 400],
] as const;

describe('a JSON patch', () => {
  for (const [target, operation, result] of DONE) {
    test(`${operation} makes ${target} ${result}`, () => {
      const before: unknown = JSON.parse(target);
      assert.deepEqual(jsonPatch(before, [JSON.parse(operation)]), JSON.parse(result));
      assert.deepEqual(before, JSON.parse(target), 'the target is untouched');
    });
  }

  for (const [target, patch, code] of REFUSED) {
    test(`${patch} is refused with ${code}`, () => {
      assert.throws(
        () => jsonPatch(JSON.parse(target), JSON.parse(patch)),
        (error: unknown) => error instanceof StatusError && error.body.code === code,
      );
    });
  }

  test('is done as a whole or not at all', () => {
    const before = { a: 1 };
    const patch = [
      { op: 'add', path: '/b', value: 2 },
      { op: 'test', path: '/a', value: 2 },
    ];
    assert.throws(() => jsonPatch(before, patch), StatusError);
    assert.deepEqual(before, { a: 1 });
  });
});
