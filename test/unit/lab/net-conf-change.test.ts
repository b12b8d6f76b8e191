// What `lab switch` writes: where each key goes, and what it leaves as it is.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.ts';
import { renderProblem } from '../../../src/config/problems.ts';
import { changeNetConf } from '../../../src/lab/net-conf-change.ts';

const BEFORE = JSON.stringify({
  ...{ Network: '10.244.0.0/16', masquerade: false },
  backend: { Type: 'vxlan', VNI: 7, Port: 4789 },
});

const change = (type: string, settings: Record<string, unknown> = {}): unknown =>
  JSON.parse(changeNetConf(BEFORE, { type, settings: new Map(Object.entries(settings)) }));

const KEPT = { Network: '10.244.0.0/16', masquerade: false };

describe('the changed configuration', () => {
  for (const [what, settings, expected] of [
    ['has the backend, and nothing of the one before', {}, { ...KEPT, Backend: { Type: 'vxlan' } }],
    [
      'has keys of the backend by their path and for short, in whatever spelling',
      { 'Backend.VNI': 3, port: 8472, 'backend.mtu': 1400 },
      { ...KEPT, Backend: { VNI: 3, Port: 8472, MTU: 1400, Type: 'vxlan' } },
    ],
    [
      'has keys beside the backend in place of those that are there',
      { Masquerade: true, forwardrules: 'insert' },
      {
        ...{ Network: '10.244.0.0/16', Masquerade: true, ForwardRules: 'insert' },
        Backend: { Type: 'vxlan' },
      },
    ],
  ] as const) {
    test(what, () => assert.deepEqual(change('vxlan', settings), expected));
  }
});

describe('a key that nobody knows is refused by the schema where it was meant to be', () => {
  for (const [key, message] of [
    ['Masqerade', /^Masqerade = 1: is no key here: did you mean "Masquerade"/],
    ['VNY', /^Backend\.VNY = 1: is no key here: did you mean "VNI"/],
    ['Backend.Masquerade', /^Backend\.Masquerade = 1: .*beside "Backend"/],
    ['Something', /^Backend\.Something = 1: is no key here; the keys are/],
  ] as const) {
    test(key, () => {
      const parsed = parseConfig(
        changeNetConf(BEFORE, { type: 'vxlan', settings: new Map([[key, 1]]) }),
      );
      assert.ok(parsed.kind === 'invalid');
      assert.match(parsed.problems.map(renderProblem).join('\n'), message);
    });
  }
});

for (const [key, message] of [
  ['Type', /--set Type is what TYPE is for/],
  ['Backend.Type', /is what TYPE is for/],
  ['Backend', /is what TYPE is for/],
  ['Backend.', /is no key: there are Backend\.\{VNI, /],
  ['Backend.VNI.x', /is no key/],
  ['Other.VNI', /is no key/],
] as const) {
  test(`--set ${key} is wrong usage`, () => {
    assert.throws(() => change('vxlan', { [key]: 1 }), { code: 'USAGE', message });
  });
}

test('a configuration that is no object cannot be changed', () => {
  for (const text of ['', '[]', '3', 'null', '{']) {
    const attempt = (): string => changeNetConf(text, { type: 'vxlan', settings: new Map() });
    assert.throws(attempt, { code: 'LAB' });
  }
});
