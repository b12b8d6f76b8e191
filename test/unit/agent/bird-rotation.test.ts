// A password of all sessions changes, and each node hears of it at another time, as the kubelets
// look: nodes with fake BIRDs and one fake clock. A session is up where both ends have had the same
// password for some seconds. All have to come to the new one, and nobody may lose by a bad one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BirdKeeper } from '../../../src/agent/bird-keeper.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { FakeBird, FakeBirdFiles } from '../../fake/bird.ts';
import { KEY } from '../../fake/bird-key.ts';
import { FakeClock } from '../../fake/clock.ts';

/** What BIRD takes to connect again, when it has just been refused. */
const CONNECT_MS = 5_000;

type Station = {
  readonly bird: FakeBird;
  readonly address: string;
  wanted: string;
  has: { readonly password: string; readonly sinceMs: number };
};

const textOf = (own: string, all: readonly string[], password: string): string =>
  all
    .filter((address) => address !== own)
    .map((address) => `neighbor ${address} password "${password}"\n`)
    .join('');

const passwordIn = (text: string): string => /password "(.*)"/.exec(text)?.[1] ?? '';

class Cluster implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly addresses: readonly string[];
  readonly stations: readonly Station[];
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(count: number) {
    this.addresses = Array.from({ length: count }, (_, index) => `10.9.0.${index + 1}`);
    const files = this.addresses.map(() => new FakeBirdFiles());
    this.stations = this.addresses.map((address, index) => {
      const bird = new FakeBird(files[index] ?? assert.fail());
      bird.upBy = () => this.#upOf(address);
      const wanted = textOf(address, this.addresses, 'old');
      return { bird, address, wanted, has: { password: '', sinceMs: 0 } };
    });
    const keepers = this.stations.map((station, index) => {
      const { bird } = station;
      return new BirdKeeper({
        open: async () => {
          if (bird.running === '') bird.running = files[index]?.readGood() ?? '';
          return bird;
        },
        files: files[index] ?? assert.fail(),
        wanted: () => station.wanted,
        mayEndAll: () => false,
        newKey: () => KEY,
        random: () => 0.5,
        clock: this.clock,
        log: silentLog,
      });
    });
    this.#running = Promise.all(
      keepers.map((each) => each.run(() => undefined, this.#stop.signal)),
    );
  }

  #upOf(address: string): readonly string[] {
    const nowMs = this.clock.monotonicMs();
    for (const station of this.stations) {
      const password = passwordIn(station.bird.running);
      if (password !== station.has.password) station.has = { password, sinceMs: nowMs };
    }
    const own = this.stations.find((each) => each.address === address)?.has ?? assert.fail();
    const isUp = ({ has }: Station): boolean =>
      has.password === own.password && nowMs - Math.max(has.sinceMs, own.sinceMs) >= CONNECT_MS;
    return this.stations
      .filter((each) => each.address !== address && isUp(each))
      .map((each) => each.address);
  }

  hear(index: number, password: string): void {
    const station = this.stations[index] ?? assert.fail();
    station.wanted = textOf(station.address, this.addresses, password);
  }

  get passwords(): readonly string[] {
    return this.stations.map(({ bird }) => (bird.isPending ? 'trial' : passwordIn(bird.running)));
  }

  /** How long it takes until all have `password`, at most `withinMs`. */
  async untilAll(password: string, withinMs: number): Promise<number> {
    const startMs = this.clock.monotonicMs();
    while (this.clock.monotonicMs() - startMs < withinMs) {
      if (this.passwords.every((each) => each === password)) break;
      await this.clock.advance(1_000);
    }
    const tookMs = this.clock.monotonicMs() - startMs;
    assert.deepEqual([...new Set(this.passwords)], [password], `after ${tookMs} ms`);
    return tookMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

const CASES = [
  { whenSeconds: [0, 30, 60], withinMs: 300_000 },
  { whenSeconds: [0, 30], withinMs: 300_000 },
  { whenSeconds: [0, 17], withinMs: 300_000 },
  { whenSeconds: [0, 60], withinMs: 300_000 },
  { whenSeconds: [0, 90], withinMs: 400_000 },
  { whenSeconds: [0, 45, 90, 110], withinMs: 400_000 },
  { whenSeconds: [0, 600], withinMs: 3_600_000 },
] as const;

for (const { whenSeconds, withinMs } of CASES) {
  const when = whenSeconds.join(', ');
  test(`nodes that hear of a password after ${when} s all come to it`, async (t) => {
    await using cluster = new Cluster(whenSeconds.length);
    await cluster.clock.advance(60_000);
    let nowSeconds = 0;
    for (const [index, seconds] of whenSeconds.entries()) {
      await cluster.clock.advance((seconds - nowSeconds) * 1000);
      nowSeconds = seconds;
      cluster.hear(index, 'new');
    }
    const tookMs = await cluster.untilAll('new', withinMs);
    t.diagnostic(`${tookMs / 1000} s after the last`);
  });
}

test('a node that alone has another password stays with the old one', async () => {
  await using cluster = new Cluster(3);
  await cluster.clock.advance(60_000);
  cluster.hear(1, 'wrong');
  for (let minute = 0; minute < 60; minute += 1) {
    await cluster.clock.advance(60_000);
    const found = cluster.passwords[1];
    assert.ok(found === 'old' || found === 'trial', found);
  }
});
