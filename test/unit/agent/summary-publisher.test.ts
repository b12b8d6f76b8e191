// At which pace a node says how it is: every write of a Node reaches every other node.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Status } from '../../../src/agent/status.ts';
import { SummaryPublisher } from '../../../src/agent/summary-publisher.ts';
import type { NodeSummary } from '../../../src/cluster/summary.ts';
import { parseSummary } from '../../../src/cluster/summary.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { FakeClock } from '../../fake/clock.ts';

const HOUR_MS = 3_600_000;

type Peer = Status['peers'][number];

const peerOf = (index: number): Peer => ({
  ...({ peer: `node${index}`, family: 'ipv4', subnets: [], configured: 'vxlan' } as const),
  ...({ receives: ['vxlan'], used: 'vxlan', reason: '', probe: 'answers' } as const),
  ...{ latencyMs: 0.2, lossPercent: 0 },
});

const statusOf = (peers: readonly Peer[]): Status => ({
  ...{ schema: 1, version: '1', node: 'self', startedAt: '2026-01-01T00:00:00.000Z' },
  ...{ ready: true, problems: [], cluster: 'synced', families: [], underlay: [] },
  config: { hash: 'abc', origin: 'test', backend: 'vxlan', problems: [] },
  lease: { authority: 'lease', explanation: '', subnets: [], usage: [], reason: '' },
  ...{ podMtuBytes: { link: 1450, route: 1450 }, devices: [], peers, nodeProblems: {} },
  ...{ silentPaths: [], silent: [], foreignDrops: [], fights: [], cni: { verbs: [] }, events: [] },
  pods: { attached: 1, hostPorts: 0, broken: [], isolated: [], unread: [], mtu: [] },
  drift: { repaired: 0, byObject: {}, last: [] },
  ...{ source: { synced: true }, clockJumps: [] },
  reconcile: { passes: 1, config: 'abc', lastDurationMs: 1, lastOps: 0, failures: [] },
});

class Bench implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly written: NodeSummary[] = [];
  tries = 0;
  status: Status;
  isAway = false;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(peerCount: number) {
    this.status = statusOf(Array.from({ length: peerCount }, (_, index) => peerOf(index)));
    const publishSummary = async ({ text }: { readonly text: string }): Promise<void> => {
      this.tries += 1;
      if (this.isAway) throw new AppError('KUBERNETES_API', 'publish', 'it is away');
      const parsed = parseSummary(text);
      assert.ok(parsed.kind === 'ok', text);
      this.written.push(parsed.summary);
    };
    const parts = { source: { publishSummary }, clock: this.clock, log: silentLog };
    const publisher = new SummaryPublisher({ ...parts, random: () => 0.5 });
    this.#running = publisher.run(() => this.status, this.#stop.signal);
  }

  changePeers(change: (peer: Peer, index: number) => Peer): void {
    this.status = { ...this.status, peers: this.status.peers.map(change) };
  }

  /** Of many nodes of which each does the same: how often they write in a second. */
  get writesPerSecond(): number {
    const nodes = this.status.peers.length + 1;
    return (this.written.length * nodes * 1000) / this.clock.monotonicMs();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

describe('signs of life', () => {
  for (const peers of [2, 200, 5_000]) {
    test(`of ${peers} peers come in time, and all nodes together write about once a second`, async () => {
      await using bench = new Bench(peers);
      await bench.clock.advance(10 * HOUR_MS);
      assert.ok(bench.writesPerSecond < 1.2, `${bench.writesPerSecond} writes a second`);
      const [first, ...rest] = bench.written;
      assert.ok(first !== undefined && rest.length > 2);
      let before = first;
      for (const summary of rest) {
        const seconds = (Date.parse(summary.at) - Date.parse(before.at)) / 1000;
        assert.ok(seconds <= before.withinSeconds, `${seconds} s`);
        before = summary;
      }
    });
  }
});

describe('news', () => {
  test('of a peer that falls silent are written at the next look', async () => {
    await using bench = new Bench(3);
    await bench.clock.advance(10_000);
    assert.equal(bench.written.length, 1);
    bench.changePeers((peer, index) => (index === 1 ? { ...peer, probe: 'silent' } : peer));
    await bench.clock.advance(7_000);
    assert.equal(bench.written.length, 2);
    assert.equal(bench.written[1]?.peers.silent, 1);
  });

  test('are not milliseconds more or less, a pod, or a lost probe', async () => {
    await using bench = new Bench(3);
    await bench.clock.advance(10_000);
    bench.changePeers((peer) => ({ ...peer, latencyMs: 3, lossPercent: 3 }));
    bench.status = { ...bench.status, pods: { ...bench.status.pods, attached: 7 } };
    await bench.clock.advance(30_000);
    assert.equal(bench.written.length, 1);
    await bench.clock.advance(40_000);
    assert.deepEqual(bench.written[1]?.paths[0], ['node0', 'ipv4', 'vxlan', 'answers', 3, 3]);
  });

  test('that never end are bounded in a large cluster', async () => {
    await using bench = new Bench(5_000);
    for (let step = 0; step < 200; step += 1) {
      bench.changePeers((peer, index) =>
        index === 0 ? { ...peer, probe: step % 2 === 0 ? 'silent' : 'answers' } : peer,
      );
      await bench.clock.advance(10_000);
    }
    assert.ok(bench.written.length > 2);
    assert.ok(bench.writesPerSecond < 25, `${bench.writesPerSecond} writes a second`);
  });
});

test('of many peers only those with a fault are named', async () => {
  await using bench = new Bench(300);
  bench.changePeers((peer, index) => (index < 100 ? { ...peer, probe: 'silent' } : peer));
  await bench.clock.advance(20_000);
  const [summary] = bench.written;
  assert.deepEqual(summary?.peers, {
    ...{ total: 300, silent: 100, unreachable: 0, waiting: 0, isWhole: false },
  });
  assert.equal(summary?.paths.length, 64);
  assert.ok(JSON.stringify(summary).length < 6_000, 'a Node has 256 KB for all annotations');
});

test('a datastore that is away is tried less and less often, and told when it is back', async () => {
  await using bench = new Bench(3);
  bench.isAway = true;
  await bench.clock.advance(HOUR_MS);
  assert.ok(bench.tries > 20 && bench.tries < 60, `${bench.tries} tries`);
  bench.isAway = false;
  await bench.clock.advance(120_000);
  assert.equal(bench.written.length >= 1, true);
});
