// What gets into bird.conf: names of protocols, passwords, and nothing that anybody could use to
// get out of where it stands. What BIRD makes of it is in test/system/bgp.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { protocolName } from '../../../src/bgp/names.ts';
import type { Passwords } from '../../../src/bgp/passwords.ts';
import { explainPassword, passwordId, passwordProblems } from '../../../src/bgp/passwords.ts';
import { renderBird } from '../../../src/bgp/render.ts';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import type { SpeakerInput } from '../../../src/bgp/speaker-types.ts';
import { bgpSettings, speakerInput, speakerNode, subnetsOf } from '../../fake/bgp.ts';
import { arbitraryInput, arbitraryPasswords } from '../../fake/bgp-arbitrary.ts';

const SECRET = { Name: 'bgp', Key: 'a' };
const withPassword = speakerInput(
  bgpSettings({
    NodePasswordSecret: SECRET,
    Peers: [{ Address: '192.168.77.1', AS: 65001 }],
  }),
  2,
);

describe('names of BIRD’s protocols', () => {
  test('are those of nodes where they can be', () => {
    assert.equal(protocolName('node4_', 'node-1.rack_2'), 'node4_node-1.rack_2');
    assert.equal(protocolName('peer6_', 'fd77::1'), 'peer6_fd77::1');
    assert.equal(protocolName('node4_', 'x'.repeat(58)).length, 64);
  });

  test('are short, of safe characters, and different where the names are', () => {
    const names = fc.tuple(fc.string({ maxLength: 260 }), fc.string({ maxLength: 260 }));
    fc.assert(
      fc.property(names, ([a, b]) => {
        const [one, other] = [protocolName('node4_', a), protocolName('node4_', b)];
        assert.match(one, /^node4_[\w.:-]{0,58}$/);
        assert.equal(one === other, a === b);
      }),
    );
    const long = 'x'.repeat(100);
    assert.notEqual(protocolName('node4_', `${long}1`), protocolName('node4_', `${long}2`));
    assert.notEqual(protocolName('node4_', 'a b'), protocolName('node4_', 'a_b'));
  });
});

describe('passwords', () => {
  const cases: readonly [string, RegExp | undefined][] = [
    ['a', undefined],
    ["it's $(safe); # \\ here", undefined],
    ['x'.repeat(80), undefined],
    ['x'.repeat(81), /81 characters: at most 80/],
    ['', /empty/],
    ['a"b', /double quote/],
    ['a\n', /line break/],
    ['é', /printable ASCII/],
    ['a\u0000', /printable ASCII/],
  ];
  for (const [text, expected] of cases) {
    const can = expected === undefined ? 'can be' : 'cannot be';
    test(`${JSON.stringify(text.slice(0, 20))} ${can}`, () => {
      const why = explainPassword(text);
      if (expected === undefined) assert.equal(why, undefined);
      else assert.match(why ?? '', expected);
    });
  }

  test('a session without its password is left out, and the reason shows no password', () => {
    const speaker = speakerOf(withPassword);
    const problemsOf = (found: Passwords, used: Passwords = new Map()): readonly string[] =>
      passwordProblems(speaker.sessions, { found, used });
    for (const text of [undefined, 'a "secret"']) {
      const passwords = new Map(text === undefined ? [] : [['bgp/a', text] as const]);
      const conf = renderBird(speaker, passwords);
      assert.doesNotMatch(conf, /node4_|secret/);
      assert.match(conf, /protocol bgp 'peer4_192.168.77.1'/);
      const problems = problemsOf(passwords);
      assert.equal(problems.length, 1);
      assert.match(problems.join(), /^the password in key "a" of Secret bgp .*: no session with /);
      assert.match(problems.join(), /node-2$/);
      assert.doesNotMatch(problems.join(), /secret/);
    }
    const good = new Map([[passwordId({ secret: 'bgp', key: 'a' }), 'x y']]);
    assert.match(renderBird(speaker, good), /password "x y";/);
    assert.deepEqual(problemsOf(good), []);
    const [kept = ''] = problemsOf(new Map([['bgp/a', 'x'.repeat(81)]]), good);
    assert.match(kept, /has 81 characters: at most 80 can be: the one before stays in use$/);
  });
});

describe('bird.conf', () => {
  test('holds whole statements alone, whatever names and passwords are', () => {
    const settings = bgpSettings({
      NodePasswordSecret: SECRET,
      Peers: [{ Address: '192.168.77.1', AS: 65001, NodeSelector: 'rack=r1' }],
    });
    const property = fc.property(arbitraryInput, arbitraryPasswords, (input, passwords) => {
      const conf = renderBird(speakerOf({ ...input, settings }), passwords);
      for (const line of conf.split('\n')) {
        const quotes = line.split('"').length - 1;
        assert.equal(quotes % 2, 0, line);
        const outside = line.replaceAll(/"[^"]*"/g, '""');
        assert.match(outside, /^(\s*#.*|[\w\s.:;,{}()[\]<>=!~&|+'/"*-]*)$/, line);
      }
    });
    fc.assert(property);
  });

  test('is the same for the same, and changes for one node in one place', () => {
    const settings = bgpSettings({ FullMesh: false, RouteReflectors: { NodeNames: ['node-2'] } });
    const text = (count: number, more: Partial<SpeakerInput> = {}): string =>
      renderBird(speakerOf(speakerInput(settings, count, more)), new Map());
    assert.equal(text(3), text(3));
    // Of thousands of nodes only reflectors hear of a new one.
    assert.equal(text(3), text(40));
    const self = { name: 'node-2', labels: {}, subnets: subnetsOf(2) };
    const nodes = [1, 3, 4].map((number) => speakerNode(number));
    const [three, four] = [nodes.slice(0, 2), nodes].map((all) => text(1, { self, nodes: all }));
    assert.notEqual(three, four);
  });
});
