// The network between the machines, and a packet's walk through it: from a pod through its node's
// routes, neighbours and FDB entries, over the underlay, through the other node's, to wherever it
// ends. The kernels decide; this file only does what Linux does with a packet.
//
//   pod ─ default route ─► host: longest prefix ─► eth0: the gateway's machine, as it is
//                                              ─► poplin4-1: neighbour, FDB ─► the remote's device
//                                              ─► poplin…: the pod, by its neighbour entry

import type { EchoRequest } from '../../src/kernel/echo.ts';
import { cidrFamily, cidrLengthBits, contains } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { VxlanLink } from '../../src/state/kernel-state.ts';
import { MAIN_TABLE } from '../../src/state/own.ts';
import type { RouteLookup } from '../../src/state/route-lookup.ts';
import { lookUp, lookUpProbe } from '../fake/look-up.ts';
import type { FakeNamespace } from '../fake/namespace.ts';
import type { SimMachine, SimPod } from './machine.ts';
import type { Mutations } from './mutations.ts';
import { pathBytes } from './sizes.ts';

export type Outcome =
  | { readonly kind: 'pod'; readonly machine: SimMachine; readonly pod: SimPod }
  | { readonly kind: 'node'; readonly machine: SimMachine }
  | { readonly kind: 'dropped'; readonly why: string }
  | { readonly kind: 'loop' };

type Probe = Pick<EchoRequest, 'destination' | 'isMarked' | 'packetBytes'>;

export type Walk = { readonly outcome: Outcome; readonly way: readonly string[] };

/** Why a packet is lost; or the nodes that it passes where others are among them than the ends. */
export type Passage = { readonly problem?: string; readonly detour?: string };

/** On every right way there are two nodes; a packet that passed so many goes in circles. */
const NODES_OF_WAY = 2;
const NODES_MAX = 8;

export class Fabric {
  readonly #machines: () => Iterable<SimMachine>;
  readonly #mutations: Mutations;
  /** Pairs of machines that hear nothing from each other. */
  readonly parted = new Set<string>();
  /** From one machine to another: firewalls that eat VXLAN, by `firewallOf`. */
  readonly firewalls = new Set<string>();
  /** To whom routers pass packets to pods on, where they know of them. */
  routedTo: (destination: Ip) => SimMachine | undefined = () => undefined;

  constructor(machines: () => Iterable<SimMachine>, mutations: Mutations) {
    this.#machines = machines;
    this.#mutations = mutations;
  }

  part(a: SimMachine, b: SimMachine): void {
    this.parted.add(pairOf(a, b));
  }

  areParted(a: SimMachine, b: SimMachine): boolean {
    return this.parted.has(pairOf(a, b));
  }

  /** Something between them eats packets of some kind: whoever has no other way tries all the same. */
  isObstructed(from: SimMachine, to: SimMachine): boolean {
    return this.parted.has(pairOf(from, to)) || this.firewalls.has(firewallOf(from, to));
  }

  /** From a pod to an address. */
  walkFromPod(machine: SimMachine, pod: SimPod, destination: Ip): Walk {
    const way = [`${pod.name}@${machine.id}`];
    const namespace = machine.podNamespace(pod.netns);
    const end = namespace?.peers.get('eth0');
    const link = end === undefined ? undefined : machine.host.links.get(end.name);
    const hasRoute = namespace !== undefined && lookUp(namespace, destination).kind === 'gateway';
    if (!machine.isOn || link?.up !== true || !hasRoute) {
      return { outcome: dropped('the pod is not connected'), way };
    }
    return { outcome: this.#forward(machine, destination, way), way };
  }

  /** What becomes of a packet that one machine passes on to another's subnet. */
  passOn(from: SimMachine, to: SimMachine, destination: Ip): Passage {
    const way: string[] = [];
    const outcome = this.#forward(from, destination, way);
    if (outcome.kind !== 'node') {
      return { problem: `${describeOutcome(outcome)}, by ${way.join(' > ')}` };
    }
    if (outcome.machine !== to) return { problem: describeOutcome(outcome) };
    if (isByDefault(from.host, destination)) return { problem: 'sent out by default' };
    if (!forwards(to, destination)) return { problem: `${to.id} does not forward` };
    return way.length > NODES_OF_WAY ? { detour: way.join(' > ') } : {};
  }

  /** Whether a probe to an address of another node comes back. */
  answersProbe(machine: SimMachine, { destination, isMarked, packetBytes }: Probe): boolean {
    const own = [...machine.host.addresses.values()].find(
      ({ link, address }) => link === 'lo' && familyOf(address) === familyOf(destination),
    );
    if (!machine.isOn || own === undefined) return false;
    const found = isMarked
      ? lookUpProbe(machine.host, destination)
      : lookUp(machine.host, destination);
    const there = this.#forwardBy(machine, found, { destination, way: [] });
    if (there.kind !== 'node' || there.machine === machine || !('link' in found)) return false;
    // It must not be cut in pieces on the way; the answer may.
    const deviceBytes = machine.host.links.get(found.link)?.mtuBytes ?? 0;
    if (packetBytes > Math.min(deviceBytes, pathBytes(machine, found.link, there.machine))) {
      return false;
    }
    const back = this.#forward(there.machine, own.address, []);
    return back.kind === 'node' && back.machine === machine;
  }

  #forward(machine: SimMachine, destination: Ip, way: string[]): Outcome {
    if (way.length > NODES_MAX) return { kind: 'loop' };
    way.push(machine.id);
    return this.#forwardBy(machine, lookUp(machine.host, destination), { destination, way });
  }

  #forwardBy(
    machine: SimMachine,
    found: RouteLookup,
    { destination, way }: { destination: Ip; way: string[] },
  ): Outcome {
    const { host } = machine;
    if (found.kind === 'local') return { kind: 'node', machine };
    if (found.kind === 'unreachable') return dropped(`${machine.id} has no route`);
    if (!forwards(machine, destination)) return dropped(`${machine.id} does not forward`);
    const link = host.links.get(found.link);
    const nexthop = found.kind === 'gateway' ? found.gateway : destination;
    switch (link?.up === true ? link.kind : undefined) {
      case 'veth':
        return this.#toPod(machine, found.link, destination);
      case 'vxlan':
        return this.#byVxlan(machine, link as VxlanLink, { nexthop, destination, way });
      case 'other':
        return this.#byUnderlay(machine, nexthop, { destination, way });
      default:
        return dropped(`${found.link} of ${machine.id} is down`);
    }
  }

  #toPod(machine: SimMachine, linkName: string, destination: Ip): Outcome {
    const { host } = machine;
    const mac = host.neighbours.get(`${linkName} ${destination}`)?.mac;
    const end = host.peers.get(linkName);
    const podLink = end?.namespace.links.get(end.name);
    if (mac === undefined) return dropped(`${machine.id} has no neighbour ${destination}`);
    if (podLink?.up !== true || podLink.mac !== mac) return dropped('the pod does not listen');
    const pods = [...machine.pods.values()];
    const at = pods.findIndex(({ netns }) => netns === end?.namespace.path);
    const mixedUp = this.#mutations.mixesUpPods ? pods[(at + 1) % pods.length] : undefined;
    const pod = mixedUp ?? pods[at];
    if (pod === undefined) return dropped('the pod is gone');
    const hasAddress = end?.namespace.hasAddress(destination) === true;
    return hasAddress ? { kind: 'pod', machine, pod } : dropped('the pod has another address');
  }

  #byVxlan(
    machine: SimMachine,
    link: VxlanLink,
    { nexthop, destination, way }: { nexthop: Ip; destination: Ip; way: string[] },
  ): Outcome {
    const { host } = machine;
    if (!host.hasAddress(link.local))
      return dropped(`${machine.id} has not ${link.local} any more`);
    const mac = host.neighbours.get(`${link.name} ${nexthop}`)?.mac;
    if (mac === undefined) return dropped(`${machine.id}: no neighbour ${nexthop} on ${link.name}`);
    const remote = host.fdb.get(`${link.name} ${mac}`)?.remote;
    if (remote === undefined) return dropped(`${machine.id}: no FDB entry for ${mac}`);
    const peer = this.#reach(machine, remote);
    if (peer === undefined) return dropped(`${remote} does not answer ${machine.id}`);
    if (this.firewalls.has(firewallOf(machine, peer))) return dropped('a firewall eats VXLAN');
    const device = [...peer.host.links.values()].find(
      (candidate): candidate is VxlanLink =>
        candidate.kind === 'vxlan' &&
        candidate.up &&
        candidate.vni === link.vni &&
        candidate.portNumber === link.portNumber &&
        candidate.local === remote,
    );
    if (device === undefined) return dropped(`${peer.id} has no device of VNI ${link.vni}`);
    if (device.mac !== mac) return dropped(`${peer.id}: a frame for another, ${mac}`);
    return this.#forward(peer, destination, way);
  }

  #byUnderlay(
    machine: SimMachine,
    nexthop: Ip,
    { destination, way }: { destination: Ip; way: string[] },
  ): Outcome {
    const own = machine.addresses.find(({ address }) => familyOf(address) === familyOf(nexthop));
    if (own === undefined) return dropped('sent out by default');
    if (nexthop === own.router) return this.#byRouter(machine, { destination, way });
    const peer = this.#reach(machine, nexthop);
    if (peer === undefined || peer.segment !== machine.segment) {
      return dropped(`${nexthop} does not answer ${machine.id}`);
    }
    return this.#forward(peer, destination, way);
  }

  /** It knows of no pods unless BIRDs have told it. */
  #byRouter(
    machine: SimMachine,
    { destination, way }: { destination: Ip; way: string[] },
  ): Outcome {
    const peer = this.routedTo(destination);
    if (peer === undefined) return dropped('sent out by default');
    if (!peer.isOn || this.parted.has(pairOf(machine, peer))) {
      return dropped(`the router does not reach ${peer.id}`);
    }
    return this.#forward(peer, destination, way);
  }

  /** Who answers at an address of the underlay. */
  #reach(from: SimMachine, address: Ip): SimMachine | undefined {
    for (const machine of this.#machines()) {
      if (!machine.isOn || !machine.addresses.some((own) => own.address === address)) continue;
      return this.parted.has(pairOf(from, machine)) ? undefined : machine;
    }
    return undefined;
  }
}

/** Nobody sends to pods by that on purpose, though a router that knows of them may pass it on. */
const isByDefault = ({ routes }: FakeNamespace, destination: Ip): boolean =>
  ![...routes.values()].some(
    ({ table, destination: network }) =>
      table === MAIN_TABLE &&
      cidrLengthBits(network) > 0 &&
      cidrFamily(network) === familyOf(destination) &&
      contains(network, destination),
  );

const dropped = (why: string): Outcome => ({ kind: 'dropped', why });

export const firewallOf = (from: SimMachine, to: SimMachine): string => `${from.id} ${to.id}`;

const pairOf = (a: SimMachine, b: SimMachine): string =>
  a.id < b.id ? `${a.id} ${b.id}` : `${b.id} ${a.id}`;

function forwards({ host }: SimMachine, destination: Ip): boolean {
  const path = familyOf(destination) === 'ipv4' ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding';
  return host.sysctls.get(path) === '1';
}

export const describeOutcome = (outcome: Outcome): string => {
  switch (outcome.kind) {
    case 'pod':
      return `delivered to ${outcome.pod.name} on ${outcome.machine.id}`;
    case 'node':
      return `delivered to the node ${outcome.machine.id} itself`;
    case 'dropped':
      return `dropped: ${outcome.why}`;
    case 'loop':
      return 'in circles';
  }
};
