// With whom BIRD has no session since they are dead, by a real prober with fake probes: who was
// heard and is not heard for a minute over any path, and of whom BIRD has nothing either. Nobody
// is left out for anything less, and whoever is heard or says something new is there at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BirdPasswords } from '../../../src/agent/bird-passwords.ts';
import { BirdSpeaker } from '../../../src/agent/bird-speaker.ts';
import { birdText } from '../../../src/agent/bird-text.ts';
import { PathProber } from '../../../src/agent/path-prober.ts';
import type { BirdSession } from '../../../src/bird/sessions.ts';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import type { PathProbe } from '../../../src/desired/probes.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { bgpPass } from '../../fake/bgp-pass.ts';
import { fakeSession } from '../../fake/bird.ts';
import { KEY } from '../../fake/bird-key.ts';
import { speakerOf } from '../../fake/bird-routes.ts';
import { FakeClock } from '../../fake/clock.ts';
import { nodeOf } from '../../fake/cluster.ts';
import { FakeEcho } from '../../fake/echo.ts';

const RUNNING = { version: '2.0.12', upSeconds: 1, config: 'a', isRecovering: false, routes: 0 };
const sessionWith = (number: number, session: Partial<BirdSession> = {}): BirdSession =>
  fakeSession({ name: `node4_node-${number}`, neighbour: `192.168.1.${number}`, ...session });

class Station implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly echo = new FakeEcho(this.clock);
  readonly prober = new PathProber({ echo: this.echo, clock: this.clock, random: () => 0.5 });
  nodes: readonly ClusterNode[] = [nodeOf(1), speakerOf(2), speakerOf(3)];
  silent: readonly number[] = [];
  running: typeof RUNNING | undefined = RUNNING;
  sessions: readonly BirdSession[] = [];
  good: string | undefined;
  passes = 0;
  readonly speaker = new BirdSpeaker({
    nodeName: 'node-1',
    view: () => ({ running: this.running, sessions: this.sessions }),
    tracks: () => this.prober.tracks,
    readGood: () => this.good,
    passwords: new BirdPasswords(() => new Map()),
    hint: () => {},
    clock: this.clock,
    log: silentLog,
  });
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor() {
    this.echo.answers = ({ destination }) =>
      !this.silent.some((number) => destination === `10.244.${number}.0`);
    const pass = (): void => this.pass();
    const { signal } = this.#stop;
    this.#running = Promise.all([this.prober.run(pass, signal), this.speaker.run(pass, signal)]);
  }

  pass(): void {
    this.passes += 1;
    this.speaker.follow(bgpPass('bgp', { nodes: this.nodes }));
    const others = this.nodes.filter(({ name }) => name !== 'node-1');
    this.prober.follow(
      others.flatMap(({ name, uid }): readonly PathProbe[] => {
        const destination = `10.244.${name.slice('node-'.length)}.0` as Ip;
        const rest = { destination, fullBytes: 1500, overheadBytes: 0, peer: name };
        const common = { ...rest, family: 'ipv4' } as const;
        return [
          { ...common, key: `${uid} ipv4 bgp`, path: 'bgp', isMarked: false },
          { ...common, key: `${uid} ipv4 vxlan`, path: 'vxlan', isMarked: true },
        ];
      }),
    );
  }

  get neighbours(): string {
    const text = this.speaker.wanted ?? '';
    return [...text.matchAll(/neighbor \S+\.(\d+) /g)].map(([, last]) => last).join();
  }

  /** Both were heard, and then one is silent. */
  async untilDead(number: number): Promise<void> {
    this.pass();
    await this.clock.advance(10_000);
    this.silent = [number];
    await this.clock.advance(80_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

test('a node that falls silent is left out after a minute, and is back at its first answer', async () => {
  await using station = new Station();
  station.pass();
  await station.clock.advance(10_000);
  station.silent = [3];
  await station.clock.advance(60_000);
  assert.equal(station.neighbours, '2,3');
  await station.clock.advance(10_000);
  assert.equal(station.neighbours, '2');
  const { passes } = station;
  await station.clock.advance(600_000);
  assert.equal(station.neighbours, '2');
  assert.ok(station.passes - passes <= 1, `${station.passes - passes} passes for nothing`);
  station.silent = [];
  await station.clock.advance(4_000);
  assert.equal(station.neighbours, '2,3');
});

test('one with a session, or whose routes BIRD keeps, is not left out', async () => {
  for (const session of [
    sessionWith(3),
    sessionWith(3, { state: 'open-confirm' }),
    sessionWith(3, { state: 'active', restarting: 'neighbour' }),
  ]) {
    await using station = new Station();
    station.sessions = [session];
    await station.untilDead(3);
    await station.clock.advance(300_000);
    assert.equal(station.neighbours, '2,3');
    station.sessions = [sessionWith(3, { state: 'active' })];
    await station.clock.advance(50_000);
    assert.equal(station.neighbours, '2,3', 'it has a minute from then on');
    await station.clock.advance(20_000);
    assert.equal(station.neighbours, '2');
  }
});

test('one that answers is not left out, whatever becomes of its session', async () => {
  await using station = new Station();
  station.sessions = [sessionWith(2, { state: 'active' }), sessionWith(3, { state: 'idle' })];
  station.pass();
  await station.clock.advance(600_000);
  assert.equal(station.neighbours, '2,3');
});

test('small packets that come back are a sign of life', async () => {
  await using station = new Station();
  station.pass();
  await station.clock.advance(10_000);
  station.echo.answers = ({ destination, packetBytes }) =>
    destination !== '10.244.3.0' || packetBytes < 100;
  await station.clock.advance(600_000);
  assert.equal(station.neighbours, '2,3');
});

test('what was never heard is not dead: the network may pass no probes', async () => {
  await using station = new Station();
  station.silent = [3];
  station.pass();
  await station.clock.advance(600_000);
  assert.equal(station.neighbours, '2,3');
});

test('a node that is cut off itself leaves out nobody, and nobody at once when it is back', async () => {
  await using station = new Station();
  station.pass();
  await station.clock.advance(10_000);
  station.silent = [2, 3];
  await station.clock.advance(600_000);
  assert.equal(station.neighbours, '2,3');
  station.silent = [3];
  await station.clock.advance(50_000);
  assert.equal(station.neighbours, '2,3');
  await station.clock.advance(20_000);
  assert.equal(station.neighbours, '2');
});

test('while BIRD is away or recovers nobody is left out anew, and who is stays it', async () => {
  for (const running of [undefined, { ...RUNNING, isRecovering: true }]) {
    await using station = new Station();
    await station.untilDead(3);
    assert.equal(station.neighbours, '2');
    station.running = running;
    station.nodes = [nodeOf(1), speakerOf(2), speakerOf(3), speakerOf(4)];
    station.pass();
    await station.clock.advance(10_000);
    station.silent = [3, 4];
    await station.clock.advance(100_000);
    assert.equal(station.neighbours, '2,4');
    station.running = RUNNING;
    await station.clock.advance(50_000);
    assert.equal(station.neighbours, '2,4', 'BIRD has time for its sessions');
    await station.clock.advance(20_000);
    assert.equal(station.neighbours, '2');
  }
});

test('another advert or another Node is listed at once, and has its minute', async () => {
  for (const [node, isAgain] of [
    [speakerOf(3, { receiveMtuBytes: 1400 }), true],
    [speakerOf(3, {}, { uid: 'another' }), false],
  ] as const) {
    await using station = new Station();
    await station.untilDead(3);
    assert.equal(station.neighbours, '2');
    station.nodes = [nodeOf(1), speakerOf(2), node];
    station.pass();
    assert.equal(station.neighbours, '2,3');
    await station.clock.advance(50_000);
    assert.equal(station.neighbours, '2,3');
    await station.clock.advance(30_000);
    assert.equal(station.neighbours, isAgain ? '2' : '2,3');
  }
});

test('an agent that starts lists all, and measures anew whom the one before had left out', async () => {
  await using before = new Station();
  await before.untilDead(3);
  await using station = new Station();
  station.good = birdText(before.speaker.wanted ?? '', KEY).text;
  station.silent = [3];
  station.pass();
  assert.equal(station.neighbours, '2,3');
  await station.clock.advance(50_000);
  assert.equal(station.neighbours, '2,3');
  await station.clock.advance(30_000);
  assert.equal(station.neighbours, '2');
});

test('by another backend nobody is asked for', async () => {
  await using station = new Station();
  await station.untilDead(3);
  station.speaker.follow(bgpPass('vxlan', { nodes: station.nodes }));
  const { passes } = station;
  await station.clock.advance(2_000);
  assert.ok(station.passes - passes <= 1);
});
