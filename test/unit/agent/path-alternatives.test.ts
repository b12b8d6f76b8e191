// A path in use that is silent with several that could take its place, in `auto`: the prober and
// the decision together, over a network that lets nothing pass, or one path only.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathProber } from '../../../src/agent/path-prober.ts';
import { describeSilent } from '../../../src/agent/path-words.ts';
import type { LocalNode } from '../../../src/backend/backend.ts';
import { NO_BIRD_ROUTES } from '../../../src/backend/bird-routes.ts';
import type { VxlanNetwork } from '../../../src/backend/vxlan.ts';
import { reachOf } from '../../../src/cluster/reach.ts';
import { isBirdPlan } from '../../../src/desired/bird-path.ts';
import { backendSettings } from '../../../src/desired/path-ways.ts';
import type { PathMemory } from '../../../src/desired/paths.ts';
import { choosePath } from '../../../src/desired/paths.ts';
import { probesOf } from '../../../src/desired/probes.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import type { RouteVia } from '../../../src/state/kernel-state.ts';
import { FakeClock } from '../../fake/clock.ts';
import { advertOf, nodeOf } from '../../fake/cluster.ts';
import { FakeEcho } from '../../fake/echo.ts';

const MAC = '02:00:00:00:00:02' as Mac;
const network = (vni: number): VxlanNetwork => ({
  ...{ vni, portNumber: 8472, gbp: false, learning: false, suffix: '' },
});
/** The path that is in use at first is the last of these. */
const VNIS = [1, 2, 3];
const SETTINGS = backendSettings(
  { ...network(1), type: 'auto' } as Parameters<typeof backendSettings>[0],
  VNIS.map(network),
);
const PEER = nodeOf(2, {
  advert: advertOf(2, {
    receives: {
      vxlan: VNIS.map((vni) => ({ family: 'ipv4', vni, port: 8472, mac: MAC })),
      'host-gw': [{ family: 'ipv4' }],
    },
  }),
});
const PEER_ADDRESS = '192.168.1.2' as Ip;
const LOCAL: LocalNode = {
  name: 'node-1',
  machine: 'machine-1',
  underlays: [{ family: 'ipv4', link: 'eth0', address: '192.168.1.1' as Ip, mtuBytes: 1500 }],
  lookups: new Map([[PEER_ADDRESS, { kind: 'onlink', link: 'eth0' }]]),
  hasNexthopObjects: true,
  bird: undefined,
  birdRoutes: NO_BIRD_ROUTES,
};

/** One peer, and passes whenever the prober asks for one. */
class Bench implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly echo = new FakeEcho(this.clock);
  readonly prober = new PathProber({ echo: this.echo, clock: this.clock, random: () => 0 });
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  via: RouteVia = { kind: 'nexthop', link: 'poplin4-3', gateway: '10.244.2.0' as Ip };
  tested: string | undefined;
  /** Links of the paths that were tested, whenever another one was. */
  readonly turns: string[] = [];
  readonly tries = new Map<string, number>();
  passes = 0;

  constructor() {
    this.echo.answers = ({ isMarked, packetBytes }) => {
      const link = isMarked ? this.tested : this.#inUse;
      if (packetBytes < 100) this.tries.set(`${link}`, (this.tries.get(`${link}`) ?? 0) + 1);
      return link === this.open;
    };
    this.#pass();
    this.#running = this.prober.run(() => this.#pass(), this.#stop.signal);
  }

  /** The link of the only path that lets packets pass. */
  open: string | undefined;

  get #inUse(): string | undefined {
    return this.via.kind === 'nexthop' ? this.via.link : undefined;
  }

  #pass(): void {
    this.passes += 1;
    const { verdicts } = this.prober;
    const memory: PathMemory = {
      ...{
        copyTo: () => undefined,
        viaOf: () => this.via,
        vtepOf: () => undefined,
        isSaid: () => true,
      },
      verdictOf: (key) => verdicts.get(key) ?? 'untried',
      receiveBytesOf: () => 1500,
      isByBird: () => true,
      isHopeless: () => false,
    };
    const reach = reachOf(PEER);
    const { subnets } = PEER;
    const target = { peer: PEER, reach, family: 'ipv4', subnets } as const;
    const chosen = choosePath(
      SETTINGS,
      { local: LOCAL, memory },
      { ...target, underlayAddress: PEER_ADDRESS },
    );
    const { option, tested } = chosen;
    assert.ok(option !== undefined && !isBirdPlan(option.plan));
    const { link, gateway } = option.plan.nexthop;
    this.via = { kind: 'nexthop', link, gateway };
    this.tested = tested && !isBirdPlan(tested.plan) ? tested.plan.nexthop.link : undefined;
    if (this.tested !== undefined && this.tested !== this.turns.at(-1)) {
      this.turns.push(this.tested);
    }
    this.prober.follow(probesOf([chosen], LOCAL));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

const OTHERS = ['eth0', 'poplin4-1', 'poplin4-2'];

test('while nothing answers every path has its turns, ever more seldom', async () => {
  await using bench = new Bench();
  await bench.clock.advance(120_000);
  assert.deepEqual(bench.turns.slice(0, 3), OTHERS);
  for (const link of OTHERS) {
    const tries = bench.tries.get(link) ?? 0;
    assert.ok(tries >= 8 && tries <= 20, `${link} was tried ${tries} times in two minutes`);
  }
  const [turns, passes] = [bench.turns.length, bench.passes];
  await bench.clock.advance(300_000);
  for (const link of OTHERS) {
    const tries = bench.tries.get(link) ?? 0;
    assert.ok(tries >= 16 && tries <= 32, `${link} was tried ${tries} times in seven minutes`);
  }
  assert.ok(
    bench.turns.length - turns <= 60,
    `${bench.turns.length - turns} turns in five minutes`,
  );
  assert.ok(bench.passes - passes <= 80, `${bench.passes - passes} passes in five minutes`);
});

test('what is known of them stays the same while they take turns', async () => {
  await using bench = new Bench();
  await bench.clock.advance(20_000);
  const words = describeSilent(bench.prober.tracks);
  assert.equal(words.length, 4);
  for (let count = 0; count < 400; count += 1) {
    await bench.clock.advance(250);
    assert.deepEqual(new Set(describeSilent(bench.prober.tracks)), new Set(words));
  }
});

for (const open of OTHERS) {
  test(`a way that opens at last by ${open} is found at the next try`, async () => {
    await using bench = new Bench();
    await bench.clock.advance(120_000);
    bench.open = open;
    await bench.clock.advance(35_000);
    assert.equal(bench.via.kind === 'nexthop' ? bench.via.link : '', open);
  });

  test(`of several ways the only one that is open, ${open}, is found within seconds`, async () => {
    await using bench = new Bench();
    bench.open = open;
    await bench.clock.advance(9_000);
    assert.equal(bench.via.kind === 'nexthop' ? bench.via.link : '', open);
  });
}
