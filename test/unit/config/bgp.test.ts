// `BGP` as users write it: defaults, spelling, and what comes of it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseLabelSelector } from '../../../src/config/bgp-text.ts';
import type { Config } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { NETWORK } from './refusals.ts';

function configOf(text: string): Config {
  const parsed = parseConfig(text);
  return parsed.kind === 'ok' ? parsed.config : assert.fail(JSON.stringify(parsed));
}

const DEFAULTS = {
  as: 64512,
  nodeAs: [],
  portNumber: 179,
  fullMesh: true,
  peers: [],
  communities: [],
  serviceRanges: [],
  gracefulRestart: { waitSeconds: 20, restartSeconds: 120 },
  bfd: { intervalMs: 300, multiplier: 3 },
  ecmpPaths: 1,
};

const PEER = {
  ...{ name: '192.168.1.1', nodes: { kind: 'all' }, address: '192.168.1.1', as: 65001 },
  ...{ portNumber: 179, gtsm: false, bfd: false, allowLocalAs: 0, importLimit: 10_000 },
  ...{ acceptPods: false, announcePods: true, announceServices: true },
  ...{ importRules: [], exportRules: [], communities: [] },
};

describe('the settings of BGP', () => {
  test('have defaults, whether BGP is there or not', () => {
    for (const bgp of ['', ', "BGP": {}', ', "BGP": null', ', "bgp": {"peers": null}']) {
      assert.deepEqual(configOf(`{${NETWORK}${bgp}}`).bgp, DEFAULTS, bgp);
    }
  });

  test('the backend has the settings of VXLAN for those that BGP does not reach', () => {
    const { backend } = configOf(`{${NETWORK}, "Backend": {"Type": "BGP", "VNI": 7, "Port": 0}}`);
    const expected = { type: 'bgp', vni: 7, portNumber: 8472, gbp: false, learning: false };
    assert.deepEqual(backend, expected);
  });

  test('keys are read in any case, however deep', () => {
    const text = '{"as": 65000, "PEERS": [{"address": "192.168.1.1", "As": 65001, "bfd": false}]}';
    const { as, peers } = configOf(`{${NETWORK}, "bgp": ${text}}`).bgp;
    assert.deepEqual({ as, peers }, { as: 65000, peers: [PEER] });
  });

  test('everything that can be said of a peer arrives', () => {
    const peer = {
      ...{ Name: 'tor', Address: 'fd00:1::1', AS: 4_200_000_000, Port: 1179, Multihop: 3 },
      ...{ NodeNames: ['b', 'a', 'b'], PasswordSecret: { Name: 'bgp', Key: 'tor' } },
      ...{ GTSM: true, BFD: true, AllowLocalAS: 2, ImportLimit: 5, AcceptPods: true },
      ...{ AnnouncePods: false, AnnounceServices: false, Communities: ['1:2', '1:2', '1:2:3'] },
      ImportFilter: [
        { Action: 'accept', Prefix: '2001:db8::/32', MinLength: 40, Preference: 7 },
        { Action: 'accept', Prefix: '2001:db8::/32' },
        { Action: 'accept', Prefix: '2001:db9:1::/48', MaxLength: 64, Communities: ['1:1'] },
      ],
    };
    const prefix = '2001:db8::/32';
    assert.deepEqual(
      configOf(`{${NETWORK}, "BGP": {"Peers": [${JSON.stringify(peer)}]}}`).bgp.peers,
      [
        {
          ...{ name: 'tor', nodes: { kind: 'names', names: ['a', 'b'] }, address: 'fd00:1::1' },
          ...{ as: 4_200_000_000, portNumber: 1179, password: { secret: 'bgp', key: 'tor' } },
          ...{ multihop: 3, gtsm: true, bfd: true, allowLocalAs: 2, importLimit: 5 },
          ...{ acceptPods: true, announcePods: false, announceServices: false },
          importRules: [
            {
              ...{ action: 'accept', communities: [], localPreference: 7 },
              match: { prefix, lengthMinBits: 40, lengthMaxBits: 128 },
            },
            {
              ...{ action: 'accept', communities: [] },
              match: { prefix, lengthMinBits: 32, lengthMaxBits: 32 },
            },
            {
              ...{ action: 'accept', communities: ['1:1'] },
              match: { prefix: '2001:db9:1::/48', lengthMinBits: 48, lengthMaxBits: 64 },
            },
          ],
          ...{ exportRules: [], communities: ['1:2', '1:2:3'] },
        },
      ],
    );
  });

  test('one address may be that of two peers of different nodes', () => {
    const of = (name: string) => `{"Address": "192.168.1.1", "AS": 1, "NodeNames": ["${name}"]}`;
    const text = `{${NETWORK}, "BGP": {"Peers": [${of('a')}, ${of('b')}]}}`;
    assert.equal(configOf(text).bgp.peers.length, 2);
  });

  test('without a mesh, a peer that may bring routes to pods is enough', () => {
    const rule = (more: object) => ({ ImportFilter: [{ Action: 'accept', ...more }] });
    const enough = [
      { AcceptPods: true },
      rule({ Prefix: '10.244.0.0/16' }),
      rule({ Prefix: '10.244.32.0/20', MaxLength: 24 }),
      rule({ Prefix: '10.0.0.0/8', MaxLength: 24 }),
      rule({ Communities: ['65001:1'] }),
    ];
    for (const more of enough) {
      const peer = { Address: '192.168.1.1', AS: 65_001, ...more };
      const bgp = JSON.stringify({ FullMesh: false, Peers: [peer] });
      assert.equal(configOf(`{${NETWORK}, "BGP": ${bgp}}`).bgp.peers.length, 1);
    }
  });

  test('a change of it is another configuration', () => {
    const hashes = ['', ', "BGP": {"AS": 65000}'].map((bgp) => configOf(`{${NETWORK}${bgp}}`).hash);
    assert.notEqual(hashes[0], hashes[1]);
  });
});

describe('a label selector', () => {
  const cases: readonly [string, readonly (readonly [string, string, string])[] | undefined][] = [
    ['rack=r1', [['rack', 'equals', 'r1']]],
    ['rack==r1', [['rack', 'equals', 'r1']]],
    [
      ' a.b/rack != r1 , !edge',
      [
        ['a.b/rack', 'differs', 'r1'],
        ['edge', 'absent', ''],
      ],
    ],
    ['edge', [['edge', 'exists', '']]],
    ['edge=', [['edge', 'equals', '']]],
    ...['', ',', 'a,', '=r1', '!a=b', 'a=b=c', 'a b', '-a', 'a=-', 'a"', 'x/y/z'].map(
      (text): [string, undefined] => [text, undefined],
    ),
  ];
  for (const [text, expected] of cases) {
    test(`${JSON.stringify(text)} is ${expected === undefined ? 'refused' : 'understood'}`, () => {
      const terms = parseLabelSelector(text)?.map(({ key, operator, value }) => [
        ...[key, operator, value],
      ]);
      assert.deepEqual(terms, expected);
    });
  }
});
