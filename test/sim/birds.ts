// The BIRDs of all machines, each a process beside its agent: it announces what the agent of its
// machine told it last, and puts into the kernel what the others have announced. What the real ones
// do in many steps is done here in looks at a time of their own: who has a session with whom, what
// follows for the kernel. A BIRD that dies leaves its own kernel as it is, and the others keep its
// routes until it is back or the time of graceful restart is over.

import type { BgpSpeaker } from '../../src/agent/bgp-speaker.ts';
import type { BirdKeeper, BirdView } from '../../src/agent/bird-keeper.ts';
import type { BirdLife } from '../../src/backend/backend.ts';
import { reachOf } from '../../src/cluster/reach.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { cidrFamily, contains } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { Route } from '../../src/state/kernel-state.ts';
import { BIRD_PROTOCOL, MAIN_TABLE } from '../../src/state/own.ts';
import { printRoute } from '../../src/state/print.ts';
import type { SimTime } from './clock.ts';
import type { SimMachine } from './machine.ts';
import type { Random } from './random.ts';
import { BIRD_METRIC } from './sizes.ts';
import type { Trace } from './trace.ts';
import type { World } from './world.ts';

const LOOK_EVERY_MS = 400;
const CONFIGURE_MS = 600;
const GRACEFUL_MS = 20_000;
const DRAIN_MS = 5_000;

/** What the agent has it say, and to whom. */
type BirdConfig = {
  readonly speaks: boolean;
  readonly subnets: readonly Cidr[];
  readonly nodes: ReadonlyMap<string, ConfiguredNode>;
};

/** `mtuBytes`: the largest packets that both ends take. */
type ConfiguredNode = Pick<Learned, 'addresses' | 'subnets'> & { readonly mtuBytes: number };

type Learned = {
  readonly from: SimMachine;
  readonly addresses: readonly Ip[];
  readonly subnets: readonly Cidr[];
  readonly seenMs: number;
};

/** What stands for the keeper of a BIRD as well. */
export type SimSpeaker = BgpSpeaker & Pick<BirdKeeper, 'view' | 'run'>;

const NO_VIEW: BirdView = {
  ...{ wanted: undefined, running: undefined, isMissing: false, absence: '' },
  ...{ sessions: [], waiting: [], problems: [] },
};

type Bird = {
  isRunning: boolean;
  config: BirdConfig | undefined;
  /** When its agent last wanted it to. */
  spokeMs: number;
  learned: Map<SimMachine, Learned>;
  /** Tells the agent that something has become of it. */
  changed: () => void;
};

type SimBirdsParts = {
  readonly machines: () => Iterable<SimMachine>;
  readonly areParted: (a: SimMachine, b: SimMachine) => boolean;
  readonly time: SimTime;
  readonly random: Random;
  readonly trace: Trace;
  /** Routes of a machine have changed. */
  readonly changed: (machine: SimMachine) => void;
};

export function birdsOf(world: World, random: Random): SimBirds {
  const { fabric, plan, time, trace } = world;
  const birds = new SimBirds({
    ...{ time, trace, random },
    machines: () => world.machines.values(),
    areParted: (a, b) => fabric.areParted(a, b),
    changed: (machine) => world.checks.changed(machine),
  });
  if (plan.routersSpeak) fabric.routedTo = (destination) => birds.announcerOf(destination);
  return birds;
}

const newBird = (): Bird => ({
  ...{ isRunning: true, config: undefined, learned: new Map(), changed: () => undefined },
  spokeMs: Number.NEGATIVE_INFINITY,
});

export class SimBirds {
  readonly #parts: SimBirdsParts;
  readonly #birds = new Map<SimMachine, Bird>();

  constructor(parts: SimBirdsParts) {
    this.#parts = parts;
  }

  /** With the machine, and again each time that it is switched on: its run directory is empty. */
  boot(machine: SimMachine): void {
    const isNew = !this.#birds.has(machine);
    this.#birds.set(machine, newBird());
    if (isNew) this.#lookAgain(machine);
  }

  kill(machine: SimMachine): void {
    this.#parts.trace.add(machine.id, 'BIRD is killed');
    this.#bird(machine).isRunning = false;
    this.#bird(machine).changed();
  }

  start(machine: SimMachine): void {
    const bird = this.#bird(machine);
    if (bird.isRunning || !machine.isOn) return;
    this.#parts.trace.add(machine.id, 'BIRD starts');
    bird.isRunning = true;
    bird.changed();
  }

  /** For one process of the agent. */
  speakerFor(machine: SimMachine): SimSpeaker {
    const life = (): BirdLife => ({ isConfirmed: this.speaks(machine) });
    return {
      get life() {
        return life();
      },
      follow: ({ cluster, outcome }) => {
        const { speaksBgp, ownSubnets } = outcome.desired;
        // What only a disk remembers changes nothing that works.
        if (cluster.kind === 'remembered' && this.#bird(machine).config !== undefined) return;
        const nodes = [...cluster.nodes.values()].flatMap((node) => {
          const { name, subnets, advert } = node;
          if (name === machine.nodeName || advert === undefined) return [];
          const addresses = reachOf(node)?.underlay ?? [];
          const ownBytes = outcome.underlay.underlays.map(({ mtuBytes }) => mtuBytes);
          const mtuBytes = Math.min(...ownBytes, advert.receiveMtuBytes);
          return [[name, { addresses, subnets, mtuBytes }] as const];
        });
        const speaks = this.#speaksOn(machine, speaksBgp);
        this.#configure(machine, { speaks, subnets: ownSubnets, nodes: new Map(nodes) });
      },
      problems: [],
      sessionFacts: new Map(),
      view: NO_VIEW,
      run: (changed, stop) =>
        new Promise((resolve) => {
          this.#bird(machine).changed = changed;
          stop.addEventListener('abort', () => resolve(), { once: true });
        }),
    };
  }

  /** As BirdSpeaker: who still reads that he can send by it has a while to read otherwise. */
  #speaksOn(machine: SimMachine, speaksBgp: boolean): boolean {
    const { time } = this.#parts;
    const bird = this.#bird(machine);
    if (speaksBgp) bird.spokeMs = time.nowMs;
    const isDraining = time.nowMs - bird.spokeMs < DRAIN_MS;
    if (!speaksBgp && isDraining) time.after(DRAIN_MS, () => bird.changed());
    return isDraining;
  }

  speaks(machine: SimMachine): boolean {
    const { isRunning, config } = this.#bird(machine);
    return machine.isOn && isRunning && config?.speaks === true;
  }

  /** Whom a router that has sessions with all of them passes a packet on to. */
  announcerOf(destination: Ip): SimMachine | undefined {
    for (const [machine, { config }] of this.#birds) {
      if (!machine.isOn || config?.speaks !== true) continue;
      if (config.subnets.some((subnet) => isIn(destination, subnet))) return machine;
    }
    return undefined;
  }

  #bird(machine: SimMachine): Bird {
    const bird = this.#birds.get(machine) ?? newBird();
    this.#birds.set(machine, bird);
    return bird;
  }

  #configure(machine: SimMachine, config: BirdConfig): void {
    const { time, random } = this.#parts;
    const bird = this.#bird(machine);
    if (textOf(bird.config) === textOf(config)) return;
    time.after(CONFIGURE_MS * random.next(), () => {
      if (this.#birds.get(machine) !== bird || !bird.isRunning || !machine.isOn) return;
      const spoke = bird.config?.speaks === true;
      bird.config = config;
      if (spoke !== config.speaks) bird.changed();
    });
  }

  #lookAgain(machine: SimMachine): void {
    const { time, random, machines } = this.#parts;
    time.after(LOOK_EVERY_MS * (0.5 + random.next()), () => {
      if (![...machines()].includes(machine)) {
        this.#birds.delete(machine);
        return;
      }
      const bird = this.#bird(machine);
      if (machine.isOn && bird.isRunning) this.#look(machine, bird);
      this.#lookAgain(machine);
    });
  }

  #look(machine: SimMachine, bird: Bird): void {
    this.#learn(machine, bird);
    const wanted = routesOf(machine, bird);
    const current = new Map(
      [...machine.host.routes.values()].flatMap((route) =>
        route.protocol === BIRD_PROTOCOL ? [[route.destination, route] as const] : [],
      ),
    );
    const ops = [
      ...[...current.values()].flatMap((value) =>
        wanted.has(value.destination) ? [] : [{ verb: 'remove', value } as const],
      ),
      ...[...wanted.values()].flatMap((value) => {
        const before = current.get(value.destination);
        if (before !== undefined && printRoute(before) === printRoute(value)) return [];
        return [{ verb: before === undefined ? 'add' : 'change', value } as const];
      }),
    ];
    for (const { verb, value } of ops) {
      this.#parts.trace.add(machine.id, () => `BIRD: ${verb} ${printRoute(value)}`);
      machine.touch({ verb, object: 'route', value });
    }
    if (ops.length > 0) this.#parts.changed(machine);
  }

  #learn(machine: SimMachine, bird: Bird): void {
    const { time, machines } = this.#parts;
    for (const other of machines()) {
      const { config } = this.#bird(other);
      if (other === machine || config === undefined) continue;
      if (!this.#haveSession(machine, other)) continue;
      const addresses = other.addresses.map(({ address }) => address);
      const seenMs = time.nowMs;
      bird.learned.set(other, { from: other, addresses, subnets: config.subnets, seenMs });
    }
    for (const [other, { from, addresses, seenMs }] of bird.learned) {
      const known = bird.config?.nodes.get(from.nodeName)?.addresses ?? [];
      const isConfigured =
        bird.config?.speaks === true && addresses.some((ip) => known.includes(ip));
      // Who says that he stops is believed at once; of a dead one his routes stay for a while.
      const hasStopped = from.isOn && this.#bird(from).isRunning && !this.speaks(from);
      if (isConfigured && !hasStopped && time.nowMs - seenMs <= GRACEFUL_MS) continue;
      bird.learned.delete(other);
    }
  }

  #haveSession(a: SimMachine, b: SimMachine): boolean {
    if (!this.speaks(a) || !this.speaks(b) || this.#parts.areParted(a, b)) return false;
    return this.#knows(a, b) && this.#knows(b, a);
  }

  #knows(a: SimMachine, b: SimMachine): boolean {
    const known = this.#bird(a).config?.nodes.get(b.nodeName)?.addresses ?? [];
    return b.addresses.every(({ address }) => known.includes(address));
  }
}

const isIn = (ip: Ip, subnet: Cidr): boolean =>
  familyOf(ip) === cidrFamily(subnet) && contains(subnet, ip);

const textOf = (config: BirdConfig | undefined): string =>
  config === undefined ? '' : JSON.stringify({ ...config, nodes: [...config.nodes] });

/** Of a subnet that two have announced the one whose word is newer counts. */
function routesOf(machine: SimMachine, { learned, config }: Bird): Map<Cidr, Route> {
  const routes = new Map<Cidr, Route>();
  const inOrder = [...learned.values()].sort((a, b) => a.seenMs - b.seenMs);
  for (const { from, addresses, subnets } of inOrder) {
    const known = config?.nodes.get(from.nodeName);
    if (known === undefined) continue;
    for (const subnet of subnets) {
      const family = cidrFamily(subnet);
      const address = addresses.find((ip) => familyOf(ip) === family);
      const router = machine.addresses.find(({ address: ip }) => familyOf(ip) === family)?.router;
      const gateway = from.segment === machine.segment ? address : router;
      if (gateway === undefined || !known.subnets.includes(subnet)) continue;
      const via = { kind: 'gateway', link: 'eth0', gateway, onlink: false } as const;
      const rest = { table: MAIN_TABLE, metric: BIRD_METRIC, protocol: BIRD_PROTOCOL, via };
      routes.set(subnet, { destination: subnet, ...rest, mtuBytes: known.mtuBytes });
    }
  }
  return routes;
}
