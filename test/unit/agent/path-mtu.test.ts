// A path in use that takes smaller packets than both ends believe: found when only large probes
// stay away, kept while it is so, and given up when it takes all again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathProber } from '../../../src/agent/path-prober.ts';
import { describeSilent } from '../../../src/agent/path-words.ts';
import type { PathProbe } from '../../../src/desired/probes.ts';
import type { EchoRequest } from '../../../src/kernel/echo.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { FakeClock } from '../../fake/clock.ts';
import { FakeEcho } from '../../fake/echo.ts';

const UNDERLAY = 'uid-2 ipv4';
const BY_VXLAN: PathProbe = {
  key: 'uid-2 ipv4 poplin4-1 10.244.2.0',
  peer: 'node-2',
  family: 'ipv4',
  path: 'vxlan',
  destination: '10.244.2.0' as Ip,
  isMarked: false,
  fullBytes: 1450,
  overheadBytes: 50,
};
const BY_HOST_GW: PathProbe = {
  ...BY_VXLAN,
  ...{ key: 'uid-2 ipv4 eth0 192.168.1.2', path: 'host-gw', isMarked: true },
  ...{ fullBytes: 1500, overheadBytes: 0 },
};

class Bench implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly echo = new FakeEcho(this.clock);
  readonly prober = new PathProber({ echo: this.echo, clock: this.clock, random: () => 0 });
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  changes = 0;

  constructor(answers: (request: EchoRequest) => boolean) {
    this.echo.answers = answers;
    this.#running = this.prober.run(() => {
      this.changes += 1;
    }, this.#stop.signal);
  }

  get found(): number | undefined {
    return this.prober.underlayMtus.get(UNDERLAY);
  }

  verdict({ key }: PathProbe): string {
    return this.prober.verdicts.get(key) ?? 'untried';
  }

  async after(milliseconds: number): Promise<void> {
    await this.clock.advance(milliseconds);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

const upTo =
  (bytes: number) =>
  ({ packetBytes }: EchoRequest): boolean =>
    packetBytes <= bytes;

test('what a path in use takes is found within 20 seconds, by less than 60 packets', async () => {
  await using bench = new Bench(upTo(1350));
  bench.prober.follow([BY_VXLAN]);
  await bench.after(20_000);
  assert.equal(bench.found, 1400);
  assert.equal(bench.verdict(BY_VXLAN), 'answers');
  assert.ok(bench.echo.sent.length < 60, `${bench.echo.sent.length} packets`);
  assert.deepEqual(describeSilent(bench.prober.tracks), []);
});

test('while nothing changes, four large packets in 15 s ask whether it has', async () => {
  await using bench = new Bench(upTo(1350));
  bench.prober.follow([BY_VXLAN]);
  await bench.after(30_000);
  bench.echo.sent.length = 0;
  const { changes } = bench;
  await bench.after(300_000);
  const large = bench.echo.sent.filter(({ packetBytes }) => packetBytes > 1350);
  assert.ok(large.length >= 60 && large.length <= 90, `${large.length} large packets`);
  assert.ok(bench.echo.sent.length < 400, `${bench.echo.sent.length} packets in all`);
  assert.equal(bench.changes, changes);
  assert.equal(bench.found, 1400);
});

test('a path that takes all again, or less still, is noticed', async () => {
  await using bench = new Bench(upTo(1350));
  bench.prober.follow([BY_VXLAN]);
  await bench.after(20_000);
  bench.echo.answers = upTo(1300);
  await bench.after(20_000);
  assert.equal(bench.found, 1350);
  bench.echo.answers = upTo(1400);
  await bench.after(60_000);
  assert.equal(bench.found, 1450);
  bench.echo.answers = () => true;
  await bench.after(60_000);
  assert.equal(bench.found, undefined);
  assert.equal(bench.verdict(BY_VXLAN), 'answers');
});

test('a path over which nothing comes back is silent, and nothing is searched', async () => {
  await using bench = new Bench(() => true);
  bench.prober.follow([BY_VXLAN]);
  await bench.after(5_000);
  bench.echo.answers = () => false;
  await bench.after(20_000);
  assert.equal(bench.verdict(BY_VXLAN), 'silent');
  assert.equal(bench.found, undefined);
  const sizes = new Set(bench.echo.sent.map(({ packetBytes }) => packetBytes));
  assert.deepEqual([...sizes].sort(), [1450, 84]);
});

test('a few lost packets, large and small, are no smaller path', async () => {
  let lost = 0;
  await using bench = new Bench(({ packetBytes }) => {
    if (packetBytes < 1450 || lost >= 2) return true;
    lost += 1;
    return false;
  });
  bench.prober.follow([BY_VXLAN]);
  await bench.after(20_000);
  assert.equal(lost, 2);
  assert.equal(bench.found, undefined);
  assert.equal(bench.verdict(BY_VXLAN), 'answers');
});

test('a path that takes not even 576 bytes is silent, and searched ever more seldom', async () => {
  await using bench = new Bench(upTo(500));
  bench.prober.follow([BY_VXLAN]);
  await bench.after(600_000);
  assert.equal(bench.verdict(BY_VXLAN), 'silent');
  assert.match(describeSilent(bench.prober.tracks).join(), /small packets come back, but not/);
  const searches = bench.echo.sent.filter(({ packetBytes }) => packetBytes === 576).length;
  assert.ok(searches >= 4 && searches <= 16, `${searches} packets of 576 bytes`);
});

test('what was found holds for another path to the same peer', async () => {
  await using bench = new Bench(upTo(1350));
  bench.prober.follow([BY_VXLAN]);
  await bench.after(20_000);
  bench.echo.answers = ({ packetBytes, isMarked }) => packetBytes <= (isMarked ? 1400 : 1350);
  bench.prober.follow([BY_VXLAN, BY_HOST_GW]);
  await bench.after(1_000);
  assert.equal(bench.verdict(BY_HOST_GW), 'answers');
});

test('what an agent before this one found is taken over, and asked for soon', async () => {
  await using bench = new Bench(upTo(1350));
  bench.prober.follow([{ ...BY_VXLAN, foundBytes: 1350 }]);
  assert.equal(bench.found, 1400);
  await bench.after(10_000);
  assert.equal(bench.found, 1400);
  assert.equal(bench.verdict(BY_VXLAN), 'answers');
  bench.echo.answers = () => true;
  bench.prober.follow([]);
  assert.equal(bench.found, undefined);
  bench.prober.follow([{ ...BY_VXLAN, foundBytes: 1350 }]);
  await bench.after(10_000);
  assert.equal(bench.found, undefined);
});

test('what both ends have come to believe is no finding any more', async () => {
  await using bench = new Bench(upTo(1350));
  bench.prober.follow([BY_VXLAN]);
  await bench.after(20_000);
  bench.prober.follow([{ ...BY_VXLAN, fullBytes: 1350 }]);
  assert.equal(bench.found, undefined);
});
