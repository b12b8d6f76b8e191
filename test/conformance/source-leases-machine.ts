// Machines that run a source and hold subnets, for the conformance suite of leases: what each was
// told is kept, so that a scenario can say what must come and what must never have been.

import assert from 'node:assert/strict';
import type { PartialCluster } from '../../src/cluster/cluster.ts';
import { fold, NOTHING_KNOWN } from '../../src/cluster/cluster.ts';
import type { FurtherWish, Holding } from '../../src/cluster/holding.ts';
import type { Config } from '../../src/config/config.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Source } from '../../src/source/source.ts';
import { configFrom } from '../fake/config-from.ts';
import type { LeaseWorld } from './source-leases.ts';

/** Polls of 5 ms until a wait has failed: 20 s where time is real. */
const POLLS_MAX = 4_000;
const POLL_MS = 5;

export type MachineOptions = {
  readonly name: string;
  /** Absent: a machine of its own for each name. */
  readonly machine?: string;
  readonly keys?: Readonly<Record<string, unknown>>;
  readonly previous?: readonly string[];
};

/** 64 subnets, of which Flannel's rule leaves out the first. */
export const SMALL = { Network: '10.244.0.0/18', SubnetSource: 'lease' } as const;
/** Three subnets: 10.244.1.0, 2.0 and 3.0. */
export const THREE = { Network: '10.244.0.0/22', SubnetSource: 'lease' } as const;
/** Three subnets of each family: fd00:0:0:1:: to 3::. */
export const THREE_DUAL = {
  ...THREE,
  ...{ EnableIPv6: true, IPv6Network: 'fd00::/62' },
} as const;

export class Machine {
  readonly name: string;
  readonly source: Source;
  readonly told: Holding[] = [];
  cluster: PartialCluster = NOTHING_KNOWN;
  readonly #scene: LeaseScene;
  readonly #machineId: string;
  readonly #config: Config;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #holding: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(scene: LeaseScene, source: Source, options: MachineOptions) {
    this.name = options.name;
    this.source = source;
    this.#scene = scene;
    this.#machineId = options.machine ?? `machine-of-${options.name}`;
    this.#config = configFrom(options.keys ?? SMALL);
  }

  run(): void {
    this.#running = this.source.run((event) => {
      this.cluster = fold(this.cluster, event);
    }, this.#stop.signal);
  }

  hold(previous: readonly string[] = [], config = this.#config, further?: FurtherWish): void {
    const stop = new AbortController();
    const wish = {
      ...{ config, machine: this.#machineId, previous: previous as readonly Cidr[] },
      ...(further === undefined ? {} : { further }),
    };
    const ended = this.source.hold(wish, (holding) => this.told.push(holding), stop.signal);
    this.#holding = { stop, ended };
  }

  /** Ends the present wish alone. */
  async stopHolding(): Promise<void> {
    this.#holding?.stop.abort();
    await this.#holding?.ended;
  }

  async stop(): Promise<void> {
    await this.stopHolding();
    this.#stop.abort();
    await this.#running;
  }

  /** What it holds now; empty when nothing. */
  get subnets(): readonly string[] {
    const last = this.told.at(-1);
    return last?.kind === 'held' ? last.subnets : [];
  }

  /** Why there is no further subnet for it. */
  get noFurther(): string {
    const last = this.told.at(-1);
    return (last?.kind === 'held' ? last.noFurther : undefined) ?? '';
  }

  /** The same machine, which needs so many subnets of IPv4 from now on, and these no more. */
  async need(ipv4: number, spare: readonly string[] = []): Promise<void> {
    const { subnets } = this;
    await this.stopHolding();
    this.hold(subnets, this.#config, { counts: { ipv4 }, spare: spare as readonly Cidr[] });
  }

  async untilCount(count: number): Promise<readonly string[]> {
    await this.until(`${count} subnets`, () => this.subnets.length === count);
    return this.subnets;
  }

  /** Why it holds nothing now. */
  get reason(): string | undefined {
    const last = this.told.at(-1);
    return last?.kind === 'none' ? last.reason : undefined;
  }

  async untilHeld(): Promise<readonly string[]> {
    await this.until('a subnet', () => this.subnets.length > 0);
    return this.subnets;
  }

  async untilNone(pattern: RegExp): Promise<void> {
    await this.until(`none: ${pattern}`, () => pattern.test(this.reason ?? ''));
  }

  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const last = (): string => JSON.stringify(this.told.at(-1));
    return this.#scene.until(() => `${this.name}: ${what}; told last: ${last()}`, holds);
  }
}

export class LeaseScene {
  readonly world: LeaseWorld;
  readonly #machines = new Set<Machine>();

  constructor(world: LeaseWorld) {
    this.world = world;
  }

  /** A machine with a registered node, whose source runs and claims. */
  async start(options: MachineOptions): Promise<Machine> {
    await this.world.register(options.name);
    return this.boot(options);
  }

  /** The same without registering the node. */
  async boot(options: MachineOptions): Promise<Machine> {
    const machine = new Machine(this, await this.world.open(options.name), options);
    this.#machines.add(machine);
    machine.run();
    machine.hold(options.previous);
    return machine;
  }

  async stop(machine: Machine): Promise<void> {
    this.#machines.delete(machine);
    await machine.stop();
  }

  /** `subnet` of each claim by `nodeName`, sorted. */
  async claimsOf(nodeName: string): Promise<readonly string[]> {
    const claims = await this.world.claims();
    return claims.flatMap((claim) => (claim.nodeName === nodeName ? [claim.subnet] : [])).sort();
  }

  /** That these were part of everything that the machine was told since. */
  assertHeldSince(machine: Machine, since: number, subnets: readonly string[]): void {
    for (const holding of machine.told.slice(since)) {
      const held: readonly string[] = holding.kind === 'held' ? holding.subnets : [];
      for (const subnet of subnets) {
        assert.ok(held.includes(subnet), `${subnet} was not held: ${JSON.stringify(holding)}`);
      }
    }
  }

  /** That no subnet has two holders, and that each holder has claimed what it holds. */
  async assertNoneShared(): Promise<void> {
    const claims = new Map((await this.world.claims()).map((each) => [each.subnet, each.nodeName]));
    for (const machine of this.#machines) {
      for (const subnet of machine.subnets) assert.equal(claims.get(subnet), machine.name, subnet);
    }
  }

  async until(what: () => string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let polls = 0; !(await holds()); polls += 1) {
      assert.ok(polls < POLLS_MAX, `not in time: ${what()}`);
      await this.world.pass(POLL_MS);
    }
  }

  async end(): Promise<void> {
    await Promise.all([...this.#machines].map((machine) => machine.stop()));
    await this.world.dispose();
  }
}
