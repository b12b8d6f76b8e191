// What is said of settings by which a node has no session: the key, and what no node has.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainNoSessions } from '../../../src/bgp/no-sessions.ts';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import type { SpeakerInput } from '../../../src/bgp/speaker-types.ts';
import { bgpSettings, speakerInput, speakerNode } from '../../fake/bgp.ts';

function explained(bgp: object, more: Partial<SpeakerInput> = {}): string | undefined {
  const input = speakerInput(bgpSettings(bgp), 3, more);
  return explainNoSessions(input, speakerOf(input));
}

const reflected = (selector: object) => ({ FullMesh: false, RouteReflectors: selector });
const TOR = { Address: '192.168.77.1', AS: 65_001 };

test('what is missing is named by its key', () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [
      reflected({ NodeSelector: 'rack=r1' }),
      /^BGP\.RouteReflectors: no node has the label rack=r1$/,
    ],
    [
      reflected({ NodeSelector: 'rack=r1,reflects,!edge,os!=a' }),
      /no node has the labels rack=r1,reflects,!edge,os!=a$|no node has the labels/,
    ],
    [reflected({ NodeNames: ['a', 'b'] }), /^BGP\.RouteReflectors: no node is called a or b$/],
    [
      {
        ...reflected({ NodeNames: ['node-2'] }),
        NodeAS: [{ NodeNames: ['node-2'], AS: 64_600 }],
      },
      /of those that are chosen \(node-2\) none of AS 64512 is reached/,
    ],
    [
      { FullMesh: false, Peers: [{ ...TOR, AcceptPods: true, NodeNames: ['node-9'] }] },
      /^BGP\.Peers: no entry is for this node, by NodeSelector or NodeNames$/,
    ],
    [
      { FullMesh: false, Peers: [{ ...TOR, AcceptPods: true, Address: '10.99.0.1' }] },
      /none of this node's \(1\)/,
    ],
  ];
  for (const [bgp, expected] of cases) assert.match(explained(bgp) ?? '', expected);
});

test('a node with a session, one that is alone and one with dead nodes has nothing explained', () => {
  const { NodeNames } = { NodeNames: ['node-2'] };
  assert.equal(explained({}), undefined);
  assert.equal(explained(reflected({ NodeSelector: 'rack=r1' }), { nodes: [] }), undefined);
  const nodes = [speakerNode(2, { isDead: true }), speakerNode(3)];
  assert.equal(explained(reflected({ NodeNames }), { nodes }), undefined);
  assert.match(explained(reflected({ NodeNames: ['a'] }), { nodes }) ?? '', /is called a$/);
});
