// One machine: an identity, a disk, a kernel, and the pods that its runtime has started. What is
// lost when: a crash of the agent loses neither; a reboot loses the kernel and the pods; only a
// machine that is installed anew loses its disk.

import { mkdirSync, rmSync } from 'node:fs';
import { assert } from '../../src/lib/assert.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Family } from '../../src/net/family.ts';
import { FAMILIES } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf, parseIp } from '../../src/net/ip.ts';
import type { Mac } from '../../src/net/mac.ts';
import { macFrom } from '../../src/net/mac.ts';
import type { Op } from '../../src/state/op.ts';
import { MAIN_TABLE } from '../../src/state/own.ts';
import { FakeKernel } from '../fake/kernel.ts';
import { FakeMachine, type FakeNamespace } from '../fake/namespace.ts';
import { FakeFiles } from '../fake/store-files.ts';
import type { AgentProcess } from './agent-process.ts';
import type { Weather } from './weather.ts';
import { fairWeather } from './weather.ts';

export type MachineAddress = { readonly address: Ip; readonly lengthBits: number; router: Ip };

export type SimPod = {
  readonly name: string;
  readonly containerId: string;
  readonly netns: string;
  readonly descriptor: number;
  state: 'starting' | 'up' | 'going';
  addresses: readonly Ip[];
};

const HOST = '/run/netns/host';
const HOST_DESCRIPTOR = 3;

export class SimMachine {
  readonly id: string;
  readonly segment: number;
  addresses: readonly MachineAddress[];
  /** Of its underlay. */
  mtuBytes = 1500;
  /** When it was made smaller last. */
  mtuLoweredAtMs = Number.NEGATIVE_INFINITY;
  readonly stateDir: string;
  /** Name of its Node: another machine may have had it before, and may have it later. */
  readonly nodeName: string;
  readonly weather: Weather = fairWeather();
  readonly pods = new Map<string, SimPod>();
  /** Snapshots of the cluster, by file name. */
  readonly snapshots = new Map<string, string>();
  files = new FakeFiles();
  hasConflist = false;
  /** Its Node was deleted: nothing goes wrong between it and the API until its disk says so. */
  mustReachApi = false;
  /** Nothing comes through to the API any more; its operator has a new machine for its Node. */
  isCutOff = false;
  power: 'on' | 'off' = 'on';
  bootedAtMs = 0;
  /** When the Node that it has now was made. */
  registeredAtMs = 0;
  /** When something went wrong with it last. */
  disturbedAtMs = 0;
  /** Until then it, or its peers about it, go by what an API server has made up. */
  misledUntilMs = 0;
  process: AgentProcess | undefined;
  #machine = new FakeMachine();
  #descriptors = HOST_DESCRIPTOR;
  readonly #descriptorOf = new Map<number, string>();

  constructor(parts: {
    readonly id: string;
    readonly nodeName: string;
    readonly segment: number;
    readonly addresses: readonly MachineAddress[];
    readonly directory: string;
  }) {
    this.id = parts.id;
    this.nodeName = parts.nodeName;
    this.segment = parts.segment;
    this.addresses = parts.addresses;
    this.stateDir = `${parts.directory}/${parts.id}`;
    mkdirSync(this.stateDir, { recursive: true });
    this.#bootKernel();
  }

  get host(): FakeNamespace {
    return this.#machine.namespace(HOST);
  }

  get bootId(): string {
    return `boot of ${this.bootedAtMs}`;
  }

  /** Whether its disk says nothing of subnets, or what it has learned of them since it booted. */
  get remembersThisBoot(): boolean {
    const text = this.snapshots.get('holding.json');
    if (text === undefined) return true;
    return (JSON.parse(text) as { readonly boot: { readonly id: string } }).boot.id === this.bootId;
  }

  get isOn(): boolean {
    return this.power === 'on';
  }

  /** The kernel and the pods begin anew. */
  boot(nowMs: number): void {
    this.#machine = new FakeMachine();
    this.#descriptorOf.clear();
    this.pods.clear();
    this.bootedAtMs = nowMs;
    this.disturbedAtMs = nowMs;
    this.power = 'on';
    this.#bootKernel();
  }

  /** A disk without anything. */
  wipe(): void {
    this.files = new FakeFiles();
    this.hasConflist = false;
    this.snapshots.clear();
    rmSync(this.stateDir, { recursive: true });
    mkdirSync(this.stateDir, { recursive: true });
  }

  makePod(name: string): SimPod {
    this.#descriptors += 1;
    const descriptor = this.#descriptors;
    const netns = `/run/netns/${name}`;
    this.#descriptorOf.set(descriptor, netns);
    this.#machine.namespace(netns);
    const pod: SimPod = {
      ...{ name, containerId: name, netns, descriptor },
      state: 'starting',
      addresses: [],
    };
    this.pods.set(name, pod);
    return pod;
  }

  /** The namespace and both ends of its link are gone, and with them what lay on the link. */
  removePod(pod: SimPod): void {
    const namespace = this.#machine.find(pod.netns);
    const end = namespace === undefined ? undefined : [...namespace.peers.values()][0];
    const link = end === undefined ? undefined : this.host.links.get(end.name);
    if (link !== undefined) this.touch({ verb: 'remove', object: 'link', value: link });
    this.#machine.remove(pod.netns);
    this.#descriptorOf.delete(pod.descriptor);
    this.pods.delete(pod.name);
  }

  podNamespace(path: string): FakeNamespace | undefined {
    return this.#machine.find(path);
  }

  podKernel(descriptor: number): FakeKernel {
    return new FakeKernel(this.#machine.namespace(this.pathOf(descriptor) ?? 'gone'));
  }

  pathOf(descriptor: number): string | undefined {
    return descriptor === HOST_DESCRIPTOR ? HOST : this.#descriptorOf.get(descriptor);
  }

  /** Descriptors stand for the inodes, too. */
  inodeAt(path: string): number | undefined {
    for (const [descriptor, known] of this.#descriptorOf) if (known === path) return descriptor;
    return undefined;
  }

  ownDescriptor(): number {
    return HOST_DESCRIPTOR;
  }

  /** As DHCP does when a lease is not given again: the old address goes, another comes. */
  moveTo(addresses: readonly MachineAddress[]): void {
    const op = (verb: 'add' | 'remove', { address, lengthBits }: MachineAddress): void => {
      const value = { link: 'eth0', address, lengthBits, scope: 'global', protocol: 0 } as const;
      this.touch({ verb, object: 'address', value });
    };
    for (const address of addresses) op('add', address);
    for (const address of this.addresses) op('remove', address);
    this.addresses = addresses;
  }

  /** As its operator does it, and again at each boot. */
  setMtu(mtuBytes: number, nowMs: number): void {
    if (mtuBytes < this.mtuBytes) this.mtuLoweredAtMs = nowMs;
    this.mtuBytes = mtuBytes;
    const eth0 = this.isOn ? this.host.links.get('eth0') : undefined;
    if (eth0 !== undefined) {
      this.touch({ verb: 'change', object: 'link', value: { ...eth0, mtuBytes } });
    }
  }

  /** Somebody else's hand. */
  touch(op: Op): void {
    new FakeKernel(this.host).touch([op]);
  }

  #bootKernel(): void {
    const { host } = this;
    const lo = host.links.get('lo');
    if (lo !== undefined) host.links.set('lo', { ...lo, up: true });
    const mac: Mac = macFrom(`underlay ${this.id}`);
    const common = { up: true, mtuBytes: this.mtuBytes, mac, group: 0, alias: '' };
    host.links.set('eth0', { ...common, kind: 'other', driver: '', name: 'eth0' });
    for (const { address, lengthBits, router } of this.addresses) {
      const value = { link: 'eth0', address, lengthBits, scope: 'global', protocol: 0 } as const;
      this.touch({ verb: 'add', object: 'address', value });
      this.touch({ verb: 'add', object: 'route', value: defaultRoute(router) });
    }
    host.sysctls.set('ipv6/conf/all/forwarding', '0');
  }
}

const defaultRoute = (router: Ip) => ({
  destination: (familyOf(router) === 'ipv4' ? '0.0.0.0/0' : '::/0') as Cidr,
  table: MAIN_TABLE,
  metric: 100,
  protocol: 3,
  via: { kind: 'gateway', link: 'eth0', gateway: router, onlink: false } as const,
});

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed !== undefined, `${text} is no address`);
  return parsed;
}

/** Host number `number` of segment `segment`, one address for each family. */
export function underlayAddresses(
  families: readonly string[],
  segment: number,
  number: number,
): MachineAddress[] {
  return FAMILIES.filter((family) => families.includes(family)).map((family) => {
    const [network, lengthBits] =
      family === 'ipv4' ? [`192.168.${100 + segment}.`, 24] : [`fd64:0:0:${segment}::`, 64];
    const host = family === 'ipv4' ? String(number) : number.toString(16);
    return { address: ip(`${network}${host}`), lengthBits, router: ip(`${network}1`) };
  });
}

/** Whether both have pods with addresses of a family. */
export const havePodsOf = (a: SimMachine, b: SimMachine, family: Family): boolean =>
  [a, b].every(({ pods }) =>
    [...pods.values()].some(
      ({ state, addresses }) =>
        state === 'up' && addresses.some((address) => familyOf(address) === family),
    ),
  );
