// When STATUS says that pods reach less than they should: for what is this node's trouble, and not
// for a peer that does not answer.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Tracks } from '../../../src/agent/path-track.ts';
import { newTrack } from '../../../src/agent/path-track.ts';
import type { LastPass } from '../../../src/agent/reconciler.ts';
import { limitOf } from '../../../src/agent/verdict.ts';
import type { PathVerdict } from '../../../src/desired/paths.ts';
import type { PathProbe } from '../../../src/desired/probes.ts';
import { AppError } from '../../../src/lib/errors.ts';

type Peer = readonly [name: string, used: 'vxlan' | 'none', probe: PathVerdict];

function limit(peers: readonly Peer[], failures: readonly object[] = []): string | undefined {
  const paths = peers.map(([peer, used]) => ({
    peer,
    family: 'ipv4',
    used,
    reason: 'no underlay',
  }));
  const tracks = new Map(
    peers.map(([peer, , verdict]) => {
      const probe = { peer, family: 'ipv4', isMarked: false } as PathProbe;
      return [peer, { ...newTrack(probe, 0), verdict }];
    }),
  );
  const pass = { failures, desired: { paths } } as unknown as LastPass;
  return limitOf(pass, tracks as unknown as Tracks);
}

describe('pods reach less than they should', () => {
  const cases: readonly [string, readonly Peer[], string | undefined][] = [
    ['not without peers', [], undefined],
    [
      'not while one peer of two answers',
      [
        ['a', 'vxlan', 'silent'],
        ['b', 'vxlan', 'answers'],
      ],
      undefined,
    ],
    [
      'not while one is untried',
      [
        ['a', 'vxlan', 'silent'],
        ['b', 'vxlan', 'untried'],
      ],
      undefined,
    ],
    ['not when the only peer is silent: it may be dead', [['a', 'vxlan', 'silent']], undefined],
    [
      'when no peer answers',
      [
        ['a', 'vxlan', 'silent'],
        ['b', 'vxlan', 'silent'],
      ],
      'no path to any of 2 peers works; to a: no answer',
    ],
    [
      'when there is no path to any',
      [
        ['a', 'none', 'untried'],
        ['b', 'vxlan', 'silent'],
      ],
      'no path to any of 2 peers works; to a: no underlay',
    ],
  ];
  for (const [what, peers, expected] of cases) {
    test(what, () => assert.equal(limit(peers), expected));
  }

  test('when the kernel has refused something', () => {
    const failures = [{ op: {}, error: new AppError('NETLINK', 'add route', 'EPERM') }];
    assert.match(limit([], failures) ?? '', /EPERM/);
  });
});
