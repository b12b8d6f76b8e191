// Never is a packet sent on a path that the receiver cannot receive by. Looked at around every
// change that an agent makes to a kernel, in the middle of an apply as well: a packet from one
// running machine to a subnet of another, which would have arrived before the change, must arrive
// after it. What others do (a crash, a deleted device, a cut cable, a firewall, an address that
// moves) may break a path; what an agent does may not. What arrives by a third node that passes it
// on does not count: that one held the subnet before, and is about to be forgotten. And an agent
// that begins to send where nothing was sent must not send in vain, when for long enough nothing
// has gone wrong with either.

import type { Cidr } from '../../src/net/cidr.ts';
import type { Family } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { Op } from '../../src/state/op.ts';
import { isEgressLink, isPodLink, MAIN_TABLE, OWN_PROTOCOL } from '../../src/state/own.ts';
import { printOp } from '../../src/state/print.ts';
import type { Fabric } from './fabric.ts';
import type { SimMachine } from './machine.ts';
import { losesLargeTo, TOO_LARGE } from './sizes.ts';

export type PathChecksParts = {
  readonly fabric: Fabric;
  readonly machines: () => Iterable<SimMachine>;
  /** Why nobody can be blamed for what lies between these two; `undefined` when somebody can. */
  readonly excuse: (from: SimMachine, to: SimMachine, subnet: Cidr) => string | undefined;
  /** The same of packets that are too large. */
  readonly excuseOfSize: (from: SimMachine, to: SimMachine) => string | undefined;
  readonly subnetOf: (address: Ip) => Cidr;
  /** Whether anybody uses the family between these two. */
  readonly isUsed: (from: SimMachine, to: SimMachine, family: Family) => boolean;
  /** Whether nothing has gone wrong with it for so long that it knows all that is to be known. */
  readonly isUndisturbed: (machine: SimMachine) => boolean;
  readonly onViolation: (text: string) => void;
};

/** From one machine to the subnet of another that begins with this address. */
type Way = { readonly from: SimMachine; readonly to: SimMachine; readonly address: Ip };

type Look = {
  readonly way: Way;
  readonly problem: string | undefined;
  /** A third node passes it on, to which nobody sends on purpose: it may end at any time. */
  readonly detour: string | undefined;
};

/** Which ways an op may change. */
type Reach = { readonly sends: boolean; readonly receives: boolean; readonly address?: Ip };

const EVERYTHING: Reach = { sends: true, receives: true };

export class PathChecks {
  readonly #parts: PathChecksParts;
  #before: readonly Look[] = [];
  looks = 0;

  constructor(parts: PathChecksParts) {
    this.#parts = parts;
  }

  /** A pod of this machine is changed. */
  beforePod(machine: SimMachine): void {
    this.#before = this.#waysOf(machine, EVERYTHING).map((way) => this.#look(way));
  }

  before(machine: SimMachine, op: Op): void {
    const reach = reachOf(op);
    this.#before =
      reach === undefined ? [] : this.#waysOf(machine, reach).map((way) => this.#look(way));
  }

  after(machine: SimMachine, op: Op): void {
    for (const { way, problem: lost, detour } of this.#before) {
      const before = lost ?? detour;
      const { from, to } = way;
      // Whoever has no right to a subnet any more is not sent to.
      if (!holds(to, way.address)) continue;
      const { problem } = this.#look(way);
      if (problem === undefined) continue;
      const isNew = before !== undefined && before !== problem && op.object === 'route';
      const isBlamed =
        before === undefined ||
        (isNew && op.verb !== 'remove' && !this.#isLost(way) && this.#areUndisturbed(from, to));
      const subnet = this.#parts.subnetOf(way.address);
      if (!isBlamed || this.#parts.excuse(from, to, subnet) !== undefined) continue;
      const isOfSize = problem === TOO_LARGE;
      if (isOfSize && this.#parts.excuseOfSize(from, to) !== undefined) continue;
      const what = before === undefined ? 'breaks the way' : 'begins a way that leads nowhere';
      this.#parts.onViolation(
        `${machine.id} ${what} from ${from.id} to ${to.id} (${way.address}): ${problem}: ${printOp(op)}`,
      );
    }
    this.#before = [];
  }

  /** By the way that leads nowhere to its other subnets, one more is sent to. */
  #isLost({ from, to, address }: Way): boolean {
    const others = subnetAddresses(to).filter((other) => other !== address);
    return others.some((other) => this.#look({ from, to, address: other }).problem !== undefined);
  }

  #areUndisturbed(from: SimMachine, to: SimMachine): boolean {
    const { isUndisturbed } = this.#parts;
    const isFree = !this.#parts.fabric.isObstructed(from, to);
    return isFree && isUndisturbed(from) && isUndisturbed(to);
  }

  #look(way: Way): Look {
    this.looks += 1;
    const { from, to, address } = way;
    const { fabric, subnetOf } = this.#parts;
    const { problem, detour } = fabric.passOn(from, to, address);
    return { way, problem: problem ?? losesLargeTo(from, to, subnetOf(address)), detour };
  }

  #waysOf(machine: SimMachine, { sends, receives, address: only }: Reach): Way[] {
    const ways: Way[] = [];
    const add = (from: SimMachine, to: SimMachine): void => {
      // Who has no subnet has no pods, and publishes nothing of what it sends by.
      const families = subnetAddresses(from).map(familyOf);
      for (const address of subnetAddresses(to)) {
        if (!families.includes(familyOf(address))) continue;
        if (!this.#parts.isUsed(from, to, familyOf(address))) continue;
        if (only === undefined || only === address) ways.push({ from, to, address });
      }
    };
    for (const other of this.#parts.machines()) {
      if (other === machine || !other.isOn) continue;
      if (sends) add(machine, other);
      if (receives) add(other, machine);
    }
    return ways;
  }
}

function subnetAddresses({ host }: SimMachine): Ip[] {
  return [...host.addresses.values()].flatMap(({ link, protocol, address }) =>
    link === 'lo' && protocol === OWN_PROTOCOL ? [address] : [],
  );
}

const holds = (machine: SimMachine, address: Ip): boolean =>
  subnetAddresses(machine).includes(address);

/** Something new beside what is there changes no packet's way, unless it is a route. */
function reachOf(op: Op): Reach | undefined {
  switch (op.object) {
    case 'route':
      if (op.value.table !== MAIN_TABLE || op.value.via.kind === 'link') return undefined;
      return {
        ...{ sends: true, receives: false },
        address: op.value.destination.slice(0, op.value.destination.indexOf('/')) as Ip,
      };
    case 'nexthop':
    case 'neighbour':
    case 'fdb':
      return op.verb === 'add' ? undefined : { sends: true, receives: false };
    case 'link':
      if (op.verb === 'add') return undefined;
      // Pods come and go; what they receive is their links' MTU.
      if (isEgressLink(op.value.name)) return undefined;
      return isPodLink(op.value.name) && op.verb === 'remove' ? undefined : EVERYTHING;
    case 'address':
      return op.verb === 'add' ? undefined : EVERYTHING;
    case 'sysctl':
      return /forward/.test(op.value.path) ? EVERYTHING : undefined;
    default:
      return undefined;
  }
}
