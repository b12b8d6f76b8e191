// What must never be, looked at after every event and after every change of a kernel: one subnet
// used by two machines, one address with two pods, a packet that reaches another pod than its
// address's. Dropping is allowed while things go wrong, also by the TTL: two nodes of which a
// server that is behind has told one something else may send a packet to and fro.

import { addressAt, type Cidr, cidrFamily, cidrSize, networkOf } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import { OWN_PROTOCOL } from '../../src/state/own.ts';
import type { Fabric } from './fabric.ts';
import { describeOutcome } from './fabric.ts';
import type { SimMachine, SimPod } from './machine.ts';
import type { SimPlan } from './plan.ts';
import type { Random } from './random.ts';
import { losesLargeTo } from './sizes.ts';

export type Target = { readonly machine: SimMachine; readonly pod: SimPod };

export type ChecksParts = {
  readonly plan: SimPlan;
  readonly fabric: Fabric;
  readonly random: Random;
  readonly machines: () => Iterable<SimMachine>;
  readonly onViolation: (text: string) => void;
};

export class Checks {
  readonly #parts: ChecksParts;
  readonly #dirty = new Set<SimMachine>();
  /** By machine, the subnets that its kernel has as its own. */
  readonly #used = new Map<SimMachine, ReadonlySet<Cidr>>();
  #lastBad: readonly [Target?, Target?] = [];
  walks = 0;

  constructor(parts: ChecksParts) {
    this.#parts = parts;
  }

  /** Its kernel has changed; in the middle of an apply, one packet is sent. */
  changed(machine: SimMachine): void {
    this.#dirty.add(machine);
    this.#sendOne(this.#pods());
  }

  forget(machine: SimMachine): void {
    this.#used.delete(machine);
    this.#dirty.delete(machine);
  }

  afterEvent(): void {
    if (this.#dirty.size > 0) {
      for (const machine of this.#dirty) {
        if (machine.isOn) this.#used.set(machine, this.#subnetsUsedBy(machine));
        else this.#used.delete(machine);
      }
      this.#dirty.clear();
      this.#checkHolders();
      this.#checkPods();
    }
    this.#sendOne(this.#pods());
  }

  usedBy(machine: SimMachine): ReadonlySet<Cidr> {
    return this.#used.get(machine) ?? new Set();
  }

  /** The pods that are there now. */
  #pods(): Target[] {
    const targets: Target[] = [];
    for (const machine of this.#parts.machines()) {
      if (!machine.isOn) continue;
      for (const pod of machine.pods.values())
        if (pod.state === 'up') targets.push({ machine, pod });
    }
    return targets;
  }

  /** Why a pod cannot reach another; `undefined` when it can. */
  reaches(from: Target, to: Target, address: Ip): string | undefined {
    this.walks += 1;
    const { outcome, way } = this.#parts.fabric.walkFromPod(from.machine, from.pod, address);
    const isRight = outcome.kind === 'pod' && outcome.pod === to.pod;
    if (isRight) return undefined;
    const names = `${from.pod.name} to ${to.pod.name} (${address})`;
    const text = `${names}: ${describeOutcome(outcome)}, by ${way.join(' > ')}`;
    if (outcome.kind === 'pod' || outcome.kind === 'node') this.#parts.onViolation(text);
    return text;
  }

  /** Everybody to everybody; the first that fails. */
  everybodyReaches(): string | undefined {
    const pods = this.#pods();
    // What failed at the last look most likely still fails: all others are not walked in vain.
    const [badFrom, badTo] = this.#lastBad;
    const isThere = pods.some(({ pod }) => pod === badFrom?.pod);
    if (badFrom !== undefined && badTo !== undefined && isThere) {
      const problem = this.#pairProblem(badFrom, badTo);
      if (problem !== undefined) return problem;
    }
    for (const from of pods) {
      for (const to of pods) {
        const problem = this.#pairProblem(from, to);
        if (problem === undefined) continue;
        this.#lastBad = [from, to];
        return problem;
      }
    }
    return undefined;
  }

  #pairProblem(from: Target, to: Target): string | undefined {
    if (from.pod === to.pod || to.pod.state !== 'up') return undefined;
    for (const address of to.pod.addresses) {
      if (!hasFamilyOf(from.pod, address)) continue;
      const problem = this.reaches(from, to, address) ?? this.#losesLarge(from, to, address);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #losesLarge(from: Target, to: Target, address: Ip): string | undefined {
    if (from.machine === to.machine) return undefined;
    const problem = losesLargeTo(from.machine, to.machine, this.#subnetOf(address));
    return problem && `${from.pod.name} to ${to.pod.name} (${address}): ${problem}`;
  }

  #sendOne(pods: readonly Target[]): void {
    const { random, fabric, onViolation } = this.#parts;
    const from = random.pick(pods);
    const to = random.pick(pods);
    if (from === undefined || to === undefined || from.pod === to.pod) return;
    if (random.chance(0.85)) {
      for (const address of to.pod.addresses) {
        if (hasFamilyOf(from.pod, address)) this.reaches(from, to, address);
      }
      return;
    }
    // To an address of the same subnet that nobody may have.
    const address = this.#anyAddress(to.pod.addresses[0]);
    if (address === undefined) return;
    this.walks += 1;
    const { outcome } = fabric.walkFromPod(from.machine, from.pod, address);
    if (outcome.kind === 'pod' && !outcome.pod.addresses.includes(address)) {
      if (outcome.pod.state === 'up') onViolation(`to ${address}: ${describeOutcome(outcome)}`);
    }
  }

  #anyAddress(near: Ip | undefined): Ip | undefined {
    if (near === undefined) return undefined;
    const subnet = this.#subnetOf(near);
    const size = cidrFamily(subnet) === 'ipv4' ? Number(cidrSize(subnet)) : 16;
    return addressAt(subnet, BigInt(this.#parts.random.int(1, size - 1)));
  }

  #subnetOf(address: Ip): Cidr {
    return networkOf(address, this.#parts.plan.subnetLengthBits[familyOf(address)]);
  }

  #subnetsUsedBy({ host }: SimMachine): ReadonlySet<Cidr> {
    const subnets = new Set<Cidr>();
    for (const { link, address, protocol } of host.addresses.values()) {
      if (link === 'lo' && protocol === OWN_PROTOCOL) subnets.add(this.#subnetOf(address));
    }
    for (const { via, destination, protocol } of host.routes.values()) {
      if (via.kind !== 'link' || protocol !== OWN_PROTOCOL) continue;
      subnets.add(this.#subnetOf(destination.slice(0, destination.indexOf('/')) as Ip));
    }
    return subnets;
  }

  #checkHolders(): void {
    const holders = new Map<Cidr, SimMachine>();
    for (const [machine, subnets] of this.#used) {
      for (const subnet of subnets) {
        const other = holders.get(subnet);
        if (other !== undefined) {
          this.#parts.onViolation(`${subnet} is used by ${other.id} and by ${machine.id}`);
        }
        holders.set(subnet, machine);
      }
    }
  }

  #checkPods(): void {
    const owners = new Map<Ip, string>();
    for (const { machine, pod } of this.#pods()) {
      for (const address of pod.addresses) {
        const isConnected = [...machine.host.routes.values()].some(
          ({ destination, via }) => via.kind === 'link' && destination.startsWith(`${address}/`),
        );
        if (!isConnected) continue;
        const other = owners.get(address);
        if (other !== undefined) {
          this.#parts.onViolation(`${address} is the address of ${other} and of ${pod.name}`);
        }
        owners.set(address, pod.name);
      }
    }
  }
}

/** Without an address of the family a pod sends nothing of it. */
const hasFamilyOf = ({ addresses }: SimPod, address: Ip): boolean =>
  addresses.some((own) => familyOf(own) === familyOf(address));
