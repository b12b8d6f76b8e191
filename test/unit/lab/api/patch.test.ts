// Merge patches (RFC 7396) and strategic ones, member by member.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../../src/lab/api/object.ts';
import { mergePatch } from '../../../../src/lab/api/patch.ts';
import { strategicMergePatch } from '../../../../src/lab/api/strategic-patch.ts';

const parse = (text: string): unknown => JSON.parse(text);

describe('a merge patch (the cases of RFC 7386, appendix A)', () => {
  const CASES = [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
    ['{}', '{"__proto__":{"x":1}}', '{"__proto__":{"x":1}}'],
  ] as const;
  for (const [target, patch, result] of CASES) {
    test(`${target} and ${patch} make ${result}`, () => {
      const before = parse(target);
      assert.deepEqual(mergePatch(before, parse(patch)), parse(result));
      assert.deepEqual(before, parse(target), 'the target is untouched');
    });
  }
});

describe('a strategic merge patch', () => {
  const CASES = [
    ['maps are merged', '{"a":{"b":1}}', '{"a":{"c":2}}', '{"a":{"b":1,"c":2}}'],
    [
      'conditions are merged by their type',
      '{"status":{"conditions":[{"type":"Ready","status":"True"},{"type":"X","status":"True"}]}}',
      '{"status":{"conditions":[{"type":"X","status":"False"},{"type":"Y","status":"True"}]}}',
      '{"status":{"conditions":[{"type":"Ready","status":"True"},{"type":"X","status":"False"},' +
        '{"type":"Y","status":"True"}]}}',
    ],
    [
      'the others stay where they were between those whose order is given',
      '{"metadata":{"finalizers":["a","x","b","y","c"]}}',
      '{"metadata":{"$setElementOrder/finalizers":["a","c","b"]}}',
      '{"metadata":{"finalizers":["a","x","y","c","b"]}}',
    ],
    [
      'an element is deleted by its key',
      '{"status":{"addresses":[{"type":"a"},{"type":"b"}]}}',
      '{"status":{"addresses":[{"type":"a","$patch":"delete"}]}}',
      '{"status":{"addresses":[{"type":"b"}]}}',
    ],
    [
      'a list is replaced when asked',
      '{"status":{"addresses":[{"type":"a"}]}}',
      '{"status":{"addresses":[{"type":"b"},{"$patch":"replace"}]}}',
      '{"status":{"addresses":[{"type":"b"}]}}',
    ],
    [
      'sets of plain values are joined and thinned',
      '{"metadata":{"finalizers":["a","b"]}}',
      '{"metadata":{"finalizers":["c"],"$deleteFromPrimitiveList/finalizers":["a"]}}',
      '{"metadata":{"finalizers":["b","c"]}}',
    ],
    ['other lists are replaced', '{"args":["a"]}', '{"args":["b"]}', '{"args":["b"]}'],
    ['null removes', '{"a":1,"b":2}', '{"a":null}', '{"b":2}'],
    [
      'a map is replaced when asked',
      '{"a":{"b":1}}',
      '{"a":{"$patch":"replace","c":1}}',
      '{"a":{"c":1}}',
    ],
    [
      'only named members are retained',
      '{"a":1,"b":2}',
      '{"$retainKeys":["b","c"],"c":3}',
      '{"b":2,"c":3}',
    ],
  ] as const;
  for (const [name, target, patch, result] of CASES) {
    test(name, () => {
      const before = parse(target);
      const found = strategicMergePatch('Node', before, parse(patch) as JsonObject) as object;
      assert.deepEqual(found, parse(result));
      assert.deepEqual(before, parse(target), 'the target is untouched');
    });
  }
});
