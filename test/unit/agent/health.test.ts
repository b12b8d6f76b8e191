// What kubelet is told: when a restart would help, and when pods reach the others.

import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { Registry } from 'prom-client';
import { listenMetrics } from '../../../src/agent/admin-server.ts';
import { STUCK_PASS_MS, unhealthyBecause, unreadyBecause } from '../../../src/agent/health.ts';
import type { Tracks } from '../../../src/agent/path-track.ts';
import { newTrack } from '../../../src/agent/path-track.ts';
import { BoundedRunner } from '../../../src/agent/runner.ts';
import type { Status } from '../../../src/agent/status.ts';
import type { NodeReadiness } from '../../../src/cni/node-network.ts';
import type { PathVerdict } from '../../../src/desired/paths.ts';
import type { PathProbe } from '../../../src/desired/probes.ts';
import type { Family } from '../../../src/net/family.ts';
import { FakeClock } from '../../fake/clock.ts';

const READY = { kind: 'ready' } as NodeReadiness;

type Path = readonly [peer: string, verdict: PathVerdict, family?: Family, isMarked?: boolean];

const tracksOf = (paths: readonly Path[]): Tracks =>
  new Map(
    paths.map(([peer, verdict, family = 'ipv4', isMarked = false], index) => {
      const probe = { peer, family, isMarked } as PathProbe;
      return [String(index), { ...newTrack(probe, 0), verdict }];
    }),
  );

const many = (count: number, verdict: PathVerdict): Path[] =>
  Array.from({ length: count }, (_, index) => [`${verdict}-${index}`, verdict]);

describe('ready', () => {
  const cases: readonly [string, readonly Path[], RegExp | undefined][] = [
    ['alone', [], undefined],
    ['not before a path was tried', [['a', 'untried']], /^IPv4: 0 of 1 paths/],
    ['a path that is only tested does not count', [['a', 'untried', 'ipv4', true]], undefined],
    ['when the only peer is silent: it may be dead', [['a', 'silent']], undefined],
    ['when one of two is silent', [...many(1, 'silent'), ...many(1, 'answers')], undefined],
    ['not when all are silent', many(2, 'silent'), /^IPv4: none of 2 peers answers/],
    [
      'not when one family is silent',
      [
        ['a', 'answers'],
        ['b', 'answers'],
        ['a', 'silent', 'ipv6'],
        ['b', 'silent', 'ipv6'],
      ],
      /^IPv6: none of 2 peers answers/,
    ],
    [
      'not by the first of thousands',
      [...many(31, 'answers'), ...many(5_000, 'untried')],
      /^IPv4: 31 of 5031 paths/,
    ],
    ['by some of thousands', [...many(32, 'answers'), ...many(5_000, 'untried')], undefined],
  ];
  for (const [what, paths, expected] of cases) {
    test(what, () => {
      const said = unreadyBecause(READY, tracksOf(paths));
      if (expected === undefined) assert.equal(said, undefined);
      else assert.match(said ?? '', expected);
    });
  }

  test('not while no pod can be started', () => {
    const blocked: NodeReadiness = { kind: 'not-ready', reason: 'no subnet' };
    assert.equal(unreadyBecause(blocked, tracksOf([])), 'no subnet');
  });
});

describe('healthy', () => {
  const well = { passSinceMs: undefined, nowMs: 1_000, hasSocket: true };
  test('between passes and in one', () => {
    assert.equal(unhealthyBecause(well), undefined);
    assert.equal(unhealthyBecause({ ...well, passSinceMs: 0, nowMs: STUCK_PASS_MS }), undefined);
  });

  test('not when a pass never ends', () => {
    const said = unhealthyBecause({ ...well, passSinceMs: 0, nowMs: STUCK_PASS_MS + 1 });
    assert.match(said ?? '', /has not ended for 300 s/);
  });

  test('not when the socket was deleted', () => {
    assert.match(unhealthyBecause({ ...well, hasSocket: false }) ?? '', /deleted/);
  });

  test('a task is at work from its start to its end', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const seen: (number | undefined)[] = [];
    const limits = { minimumIntervalMs: 1, maximumIntervalMs: 10, firstRetryMs: 1, lastRetryMs: 1 };
    const runner = new BoundedRunner(
      async () => {
        seen.push(runner.taskSinceMs);
        stop.abort();
        return 'done';
      },
      limits,
      clock,
    );
    assert.equal(runner.taskSinceMs, undefined);
    runner.trigger();
    await runner.run(stop.signal);
    assert.deepEqual(seen, [clock.monotonicMs()]);
    assert.equal(runner.taskSinceMs, undefined);
  });
});

test('over HTTP: 200, or the reason', async () => {
  let problem: string | undefined;
  const views = { registry: new Registry(), status: () => ({}) as Status };
  const server: Server = await listenMetrics(
    { host: '127.0.0.1', port: 0 },
    { ...views, unhealthy: () => problem, unready: () => problem },
  );
  try {
    const { port } = server.address() as AddressInfo;
    const ask = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return `${answer.status} ${await answer.text()}`;
    };
    assert.deepEqual(await Promise.all(['/healthz', '/readyz'].map(ask)), ['200 ok\n', '200 ok\n']);
    problem = 'why';
    assert.deepEqual(await Promise.all(['/healthz', '/readyz'].map(ask)), [
      '500 why\n',
      '503 why\n',
    ]);
    assert.equal(await ask('/status'), '404 not found\n');
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
