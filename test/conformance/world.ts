// What the conformance suites of the kernel run in: two network namespaces of one machine, the
// first of which is under test. Real and fake both start with nothing but a loopback that is down.
// The functions here make objects and ops for the tests; values that a test does not care about
// are filled in.

import assert from 'node:assert/strict';
import type { Hint, Kernel, ReadScope } from '../../src/kernel/kernel.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { Mac } from '../../src/net/mac.ts';
import type {
  Address,
  FdbEntry,
  IfbLink,
  KernelState,
  Neighbour,
  Nexthop,
  Qdisc,
  Route,
  RouteVia,
  Rule,
  VethLink,
  VxlanLink,
} from '../../src/state/kernel-state.ts';
import type { AddOp, ChangeOp, Op, OpObject, RemoveOp } from '../../src/state/op.ts';

export interface KernelWorld extends Disposable {
  readonly kernel: Kernel;
  /** The second namespace, and the path by which veth peers are put there. */
  readonly otherKernel: Kernel;
  readonly otherNetns: string;
  /** What another program does to the first namespace. */
  foreign(op: Op): void;
  /** For which IPv6 addresses a link answers, whoever has them. */
  answered(link: string): readonly string[];
}

export type OpenWorld = () => KernelWorld;

export const SCOPE: ReadScope = {
  sysctls: [
    'ipv4/ip_forward',
    'ipv4/conf/all/rp_filter',
    'ipv4/conf/eth0/rp_filter',
    'ipv4/conf/nolink/rp_filter',
    'ipv6/conf/eth0/accept_ra',
    'ipv6/conf/all/forwarding',
  ],
  routeProtocol: 113,
  rulePriority: 113,
  nft: true,
  ownsLink: (name) => name === 'eth0' || name.startsWith('poplin'),
};

export const ip = (text: string): Ip => text as Ip;
export const cidr = (text: string): Cidr => text as Cidr;
export const mac = (last: number): Mac =>
  `02:00:00:00:00:${last.toString(16).padStart(2, '0')}` as Mac;

export const add = (object: OpObject): AddOp => ({ ...object, verb: 'add' });
export const change = (object: OpObject): ChangeOp => ({ ...object, verb: 'change' });
export const remove = (object: OpObject): RemoveOp => ({ ...object, verb: 'remove' });

export const link = (value: IfbLink | VethLink | VxlanLink): OpObject => ({
  object: 'link',
  value,
});
export const address = (value: Address): OpObject => ({ object: 'address', value });
export const nexthop = (value: Nexthop): OpObject => ({ object: 'nexthop', value });
export const route = (value: Route): OpObject => ({ object: 'route', value });
export const neighbour = (value: Neighbour): OpObject => ({ object: 'neighbour', value });
export const fdb = (value: FdbEntry): OpObject => ({ object: 'fdb', value });
export const qdisc = (value: Qdisc): OpObject => ({ object: 'qdisc', value });
export const rule = (value: Rule): OpObject => ({ object: 'rule', value });
export const sysctl = (path: string, value: string): OpObject => ({
  object: 'sysctl',
  value: { path, value },
});
export const element = (set: string, text: string): OpObject => ({
  object: 'nft-element',
  value: { set, element: text },
});
export const table = (hash: string, text: string): OpObject => ({
  object: 'nft-table',
  value: { hash, text },
});

export const VXLAN: VxlanLink = {
  kind: 'vxlan',
  name: 'poplin4-1',
  up: true,
  mtuBytes: 1400,
  mac: mac(0x11),
  group: 0,
  alias: 'Poplin VXLAN',
  vni: 1,
  portNumber: 8472,
  local: ip('192.168.7.1'),
  underlay: 'eth0',
  learning: false,
  gbp: false,
  udpChecksum: false,
};

export const veth = (world: KernelWorld, name: string, number: number): VethLink => ({
  kind: 'veth',
  name,
  up: true,
  mtuBytes: 1500,
  mac: mac(number),
  group: 113,
  alias: '',
  peer: { name: `peer${number}`, mac: mac(number + 1), mtuBytes: 1500, netns: world.otherNetns },
});

/** Of the underlay link; the IPv6 one is inside fd07::/64. */
export const UNDERLAY_ADDRESSES: readonly Address[] = [
  { link: 'eth0', address: ip('192.168.7.1'), lengthBits: 24, scope: 'global', protocol: 0 },
  { link: 'eth0', address: ip('fd07::1'), lengthBits: 64, scope: 'global', protocol: 0 },
];

export const routeTo = (destination: string, via: RouteVia): Route => ({
  destination: cidr(destination),
  table: 254,
  metric: 16,
  protocol: 113,
  via,
});

export const onVxlan = (gateway: string): Nexthop => ({
  link: 'poplin4-1',
  gateway: ip(gateway),
  onlink: true,
});

/** An underlay link with addresses, its other end up, and a VXLAN device on it. */
export async function underlayAndVxlan(world: KernelWorld): Promise<void> {
  const underlay = veth(world, 'eth0', 1);
  await done(world, [add(link(underlay))]);
  const { peer: _, ...other } = { ...underlay, name: 'peer1', mac: mac(2), group: 0 };
  assert.deepEqual(await world.otherKernel.apply([change(link(other))]), []);
  await done(world, [...UNDERLAY_ADDRESSES.map((value) => add(address(value))), add(link(VXLAN))]);
}

export const read = (world: KernelWorld): KernelState => world.kernel.read(SCOPE);

export const fingerprint = (world: KernelWorld): string => world.kernel.fingerprint(SCOPE);

/** Applies what must not fail. */
export async function done(world: KernelWorld, ops: readonly Op[]): Promise<void> {
  const failures = await world.kernel.apply(ops);
  assert.deepEqual(
    failures.map(({ error }) => error.message),
    [],
  );
}

/** Applies and returns the texts of what failed. */
export async function failures(world: KernelWorld, ops: readonly Op[]): Promise<string[]> {
  return (await world.kernel.apply(ops)).map(({ error }) => error.message);
}

const HINT_WITHIN_MS = 60_000;

/** Watches until `stop`; `until` waits for a hint, `quiet` for a while in which none comes. */
export function listen(world: KernelWorld): {
  until(hint: Hint): Promise<void>;
  quiet(): Promise<readonly Hint[]>;
  stop(): void;
} {
  const hints: Hint[] = [];
  const stop = world.kernel.watch((hint) => hints.push(hint));
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
  return {
    stop,
    until: async (hint) => {
      const endMs = performance.now() + HINT_WITHIN_MS;
      while (!hints.includes(hint) && performance.now() < endMs) await pause();
      assert.ok(hints.includes(hint), `no hint '${hint}', only: ${hints.join(' ')}`);
      hints.length = 0;
    },
    quiet: async () => {
      for (let tries = 0; tries < 12; tries += 1) await pause();
      return hints.splice(0);
    },
  };
}
