// When probes are sent, what they are taken to say, and that nothing is asked more than is needed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathProber } from '../../../src/agent/path-prober.ts';
import { describeSilent } from '../../../src/agent/path-words.ts';
import type { PathProbe } from '../../../src/desired/probes.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { FakeClock } from '../../fake/clock.ts';
import { FakeEcho } from '../../fake/echo.ts';

const TESTED: PathProbe = {
  key: 'uid-2 ipv4 eth0 192.168.1.2',
  peer: 'node-2',
  family: 'ipv4',
  path: 'host-gw',
  destination: '10.244.2.0' as Ip,
  isMarked: true,
  fullBytes: 1500,
  overheadBytes: 0,
};
const USED: PathProbe = { ...TESTED, isMarked: false };

class Bench implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly echo = new FakeEcho(this.clock);
  readonly prober = new PathProber({
    echo: this.echo,
    clock: this.clock,
    random: () => this.#random(),
  });
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  changes = 0;
  #draws = 0;

  constructor() {
    const changed = (): void => {
      this.changes += 1;
    };
    this.#running = this.prober.run(changed, this.#stop.signal);
  }

  /** From 0 on, evenly spread. */
  #random(): number {
    const draw = (this.#draws * 0.618_034) % 1;
    this.#draws += 1;
    return draw;
  }

  verdict(probe: PathProbe): string {
    return this.prober.verdicts.get(probe.key) ?? 'untried';
  }

  async after(milliseconds: number): Promise<void> {
    await this.clock.advance(milliseconds);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

test('a path that is tested is asked at once, small and of full size, and then answers', async () => {
  await using bench = new Bench();
  bench.prober.follow([TESTED]);
  await bench.after(10);
  assert.deepEqual(
    bench.echo.sent.map(({ packetBytes, isMarked }) => [packetBytes, isMarked]),
    [
      [84, true],
      [1500, true],
    ],
  );
  assert.equal(bench.verdict(TESTED), 'answers');
  assert.equal(bench.changes, 1);
});

test('a path that takes small packets only is not used, and the size is named', async () => {
  await using bench = new Bench();
  bench.echo.answers = ({ packetBytes }) => packetBytes < 1480;
  bench.prober.follow([TESTED]);
  await bench.after(5_000);
  assert.equal(bench.verdict(TESTED), 'silent');
  assert.deepEqual(describeSilent(bench.prober.tracks), [
    'node-2 (ipv4): small packets come back, but not those of 1500 bytes over host-gw: ' +
      'host-gw is prepared, and the path in use stays',
  ]);
});

test('what does not answer is asked again, ever more seldom, and counts when it does', async () => {
  await using bench = new Bench();
  bench.echo.answers = () => false;
  bench.prober.follow([TESTED]);
  await bench.after(60_000);
  assert.equal(bench.verdict(TESTED), 'silent');
  const tries = bench.echo.sent.length / 2;
  assert.ok(tries >= 6 && tries <= 14, `${tries} tries in a minute`);
  bench.echo.answers = () => true;
  await bench.after(31_000);
  assert.equal(bench.verdict(TESTED), 'answers');
});

test('a path in use is asked seldom, without the mark, and one loss is no verdict', async () => {
  await using bench = new Bench();
  bench.prober.follow([USED]);
  await bench.after(60_000);
  const { length } = bench.echo.sent;
  assert.ok(length >= 15 && length <= 22, `about twenty in a minute, not ${length}`);
  assert.ok(bench.echo.sent.every(({ isMarked }) => !isMarked));
  assert.equal(bench.verdict(USED), 'answers');
  let lost = 0;
  bench.echo.answers = () => {
    lost += 1;
    return lost > 1;
  };
  await bench.after(10_000);
  assert.equal(bench.verdict(USED), 'answers');
  assert.equal(bench.changes, 0, 'a pass has nothing to learn');
});

test('a path in use that dies is noticed within seconds, and not trusted at its first answer', async () => {
  await using bench = new Bench();
  bench.prober.follow([USED]);
  await bench.after(1_000);
  bench.echo.answers = () => false;
  await bench.after(9_000);
  assert.equal(bench.verdict(USED), 'silent');
  assert.deepEqual(describeSilent(bench.prober.tracks), ['node-2 (ipv4): no answer over host-gw']);
  bench.prober.follow([TESTED]);
  bench.echo.answers = () => true;
  await bench.after(300);
  assert.equal(bench.verdict(TESTED), 'silent');
  await bench.after(3_000);
  assert.equal(bench.verdict(TESTED), 'answers');
});

test('a path that is not wanted any more is forgotten, and asked anew when it comes back', async () => {
  await using bench = new Bench();
  bench.prober.follow([TESTED]);
  await bench.after(10);
  bench.prober.follow([]);
  assert.equal(bench.verdict(TESTED), 'untried');
  const before = bench.echo.sent.length;
  await bench.after(60_000);
  assert.equal(bench.echo.sent.length, before);
  bench.prober.follow([TESTED]);
  await bench.after(10);
  assert.equal(bench.echo.sent.length, before + 2);
});

test('five thousand peers are asked about a hundred times a second', async () => {
  await using bench = new Bench();
  const probes = Array.from({ length: 5_000 }, (_, index) => ({
    ...USED,
    key: `${index}`,
    destination: `10.${index >> 8}.${index & 255}.0` as Ip,
  }));
  bench.prober.follow(probes);
  await bench.after(60_000);
  bench.echo.sent.length = 0;
  await bench.after(10_000);
  const perSecond = bench.echo.sent.length / 10;
  assert.ok(perSecond >= 50 && perSecond <= 200, `${perSecond} a second`);
});

test('an answer from somebody else, or a second one, means nothing', async () => {
  await using bench = new Bench();
  bench.echo.answers = () => false;
  bench.prober.follow([TESTED]);
  await bench.after(1);
  const [small] = bench.echo.sent;
  for (let times = 0; times < 3; times += 1) bench.echo.answer('10.9.9.9' as Ip, small?.sequence);
  for (let times = 0; times < 3; times += 1) bench.echo.answer(TESTED.destination, small?.sequence);
  await bench.after(10);
  assert.equal(bench.verdict(TESTED), 'untried');
});

test('while its route is changed a tested path is not asked, and no answer counts', async () => {
  await using bench = new Bench();
  bench.echo.answers = () => false;
  bench.prober.follow([TESTED, { ...USED, key: 'uid-2 ipv4 poplin4-1 10.244.2.0' }]);
  await bench.after(10);
  const marked = () => bench.echo.sent.filter(({ isMarked }) => isMarked);
  assert.equal(marked().length, 2);
  bench.prober.hold({ families: new Set(), destinations: new Set([TESTED.destination]) });
  for (const { destination, sequence } of marked()) bench.echo.answer(destination, sequence);
  bench.echo.answers = () => true;
  await bench.after(5_000);
  assert.equal(marked().length, 2);
  assert.ok(bench.echo.sent.length > 2, 'the path in use goes on');
  assert.equal(bench.verdict(TESTED), 'untried');
  bench.prober.follow([TESTED]);
  await bench.after(20);
  assert.equal(marked().length, 4);
  assert.equal(bench.verdict(TESTED), 'answers');
});

test('while the rule that leads marked packets is made, no tested path of its family is asked', async () => {
  await using bench = new Bench();
  bench.echo.answers = () => false;
  const other = {
    ...TESTED,
    key: 'uid-2 ipv6 x',
    family: 'ipv6',
    destination: 'fd00::2' as Ip,
  } as const;
  bench.prober.follow([TESTED, other]);
  await bench.after(10);
  const sentTo = (to: Ip) => bench.echo.sent.filter(({ destination }) => destination === to).length;
  const before = [TESTED, other].map(({ destination }) => sentTo(destination));
  bench.prober.hold({ families: new Set(['ipv4']), destinations: new Set() });
  bench.echo.answers = () => true;
  await bench.after(5_000);
  assert.equal(sentTo(TESTED.destination), before[0]);
  assert.ok(sentTo(other.destination) > (before[1] ?? 0));
  assert.equal(bench.verdict(TESTED), 'untried');
});
