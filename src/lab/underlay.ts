// The network that the lab's nodes are connected by: one bridge per segment in the fabric
// namespace, which routes between the segments and to a host outside of the cluster. The commands
// are rendered by pure functions as text for `ip -batch`; only `makeUnderlay` runs them. Nothing
// here touches the machine's own namespace: every link is made inside the lab's.

import { writeFileSync } from 'node:fs';
import type { Cidr } from '../net/cidr.ts';
import { cidrLengthBits } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { RunCommand } from './command.ts';
import { ipBatch, mustRun } from './command.ts';
import { inNamespace, netnsPath } from './netns.ts';
import type { LabNode, LabPlan } from './plan.ts';

/** Name of a node's link to the underlay, as on most machines. */
export const UNDERLAY_LINK = 'eth0';

/** Duplicate address detection would only delay every address by a second. */
const NO_DAD_SYSCTLS: readonly (readonly [string, string])[] = [
  ['ipv6/conf/all/accept_dad', '0'],
  ['ipv6/conf/default/accept_dad', '0'],
  ['ipv6/conf/default/dad_transmits', '0'],
];

const ROUTER_SYSCTLS: readonly (readonly [string, string])[] = [
  ...NO_DAD_SYSCTLS,
  ['ipv4/ip_forward', '1'],
  ['ipv6/conf/all/forwarding', '1'],
  // Node to pod and back may take two ways through the router (vxlan one way, plain the other).
  ['ipv4/conf/all/rp_filter', '0'],
  ['ipv4/conf/default/rp_filter', '0'],
];

export const namespacesOfNodes = (plan: LabPlan): string[] => plan.nodes.map((node) => node.netns);

/** Bridges with the router's addresses, and a veth pair for each node and the outside host. */
export function renderFabric(plan: LabPlan): string[] {
  const mtu = plan.spec.mtuBytes;
  const lines = ['link set lo up'];
  for (const [index, segment] of plan.segments.entries()) {
    // An address of its own: else it has that of some port, and another when that node goes, so
    // that for seconds nobody finds the router.
    const mac = `02:00:5e:00:00:${index.toString(16).padStart(2, '0')}`;
    lines.push(`link add ${segment.bridge} address ${mac} mtu ${mtu} type bridge`);
    lines.push(...renderAddresses(segment.bridge, segment.networks, segment.routerAddresses));
    lines.push(`link set ${segment.bridge} up`);
  }
  lines.push(...plan.nodes.flatMap((node) => renderPort(plan, node)));
  const { outside } = plan;
  lines.push(
    `link add outside mtu ${mtu} type veth peer name ${UNDERLAY_LINK} netns ${outside.netns}`,
    ...renderAddresses('outside', outside.networks, outside.routerAddresses),
    'link set outside up',
  );
  return lines;
}

const renderPort = ({ spec }: LabPlan, { name, netns, segment }: LabNode): string[] => [
  `link add ${name} mtu ${spec.mtuBytes} type veth peer name ${UNDERLAY_LINK} netns ${netns}`,
  `link set ${name} master ${segment.bridge} up`,
];

export const renderNode = (plan: LabPlan, node: LabNode): string[] =>
  renderHost(plan.spec.mtuBytes, {
    networks: node.segment.networks,
    addresses: node.addresses,
    routers: node.segment.routerAddresses,
  });

export const renderOutside = (plan: LabPlan): string[] =>
  renderHost(plan.spec.mtuBytes, {
    networks: plan.outside.networks,
    addresses: plan.outside.addresses,
    routers: plan.outside.routerAddresses,
  });

type Host = {
  readonly networks: readonly Cidr[];
  readonly addresses: readonly Ip[];
  readonly routers: readonly Ip[];
};

const renderHost = (mtuBytes: number, host: Host): string[] => [
  'link set lo up',
  `link set ${UNDERLAY_LINK} mtu ${mtuBytes} up`,
  ...renderAddresses(UNDERLAY_LINK, host.networks, host.addresses),
  ...host.routers.map((router) => `route add default via ${router} dev ${UNDERLAY_LINK}`),
];

const renderAddresses = (
  link: string,
  networks: readonly Cidr[],
  addresses: readonly Ip[],
): string[] =>
  addresses.map((address, index) => {
    const lengthBits = networks[index] === undefined ? 0 : cidrLengthBits(networks[index]);
    const flags = NO_DAD_FLAG[familyOf(address)];
    return `address add ${address}/${lengthBits} dev ${link}${flags}`;
  });

const NO_DAD_FLAG = { ipv4: '', ipv6: ' nodad' } as const satisfies Record<Family, string>;

export async function makeUnderlay(run: RunCommand, plan: LabPlan): Promise<void> {
  const hosts = [...namespacesOfNodes(plan), plan.outside.netns];
  await addNamespace(run, plan.fabricNetns, ROUTER_SYSCTLS);
  for (const netns of hosts) await addNamespace(run, netns, NO_DAD_SYSCTLS);
  await ipBatch(run, plan.fabricNetns, renderFabric(plan));
  await Promise.all([
    ...plan.nodes.map((node) => ipBatch(run, node.netns, renderNode(plan, node))),
    ipBatch(run, plan.outside.netns, renderOutside(plan)),
  ]);
}

/** One further node, whose namespace is made as well. */
export async function addToUnderlay(run: RunCommand, plan: LabPlan, node: LabNode): Promise<void> {
  await addNamespace(run, node.netns, NO_DAD_SYSCTLS);
  await ipBatch(run, plan.fabricNetns, renderPort(plan, node));
  await ipBatch(run, node.netns, renderNode(plan, node));
}

/** The kernel takes a namespace apart some time later: a name must be free at once. */
export async function removeFromUnderlay(
  run: RunCommand,
  plan: LabPlan,
  { name, netns }: LabNode,
): Promise<void> {
  await ipBatch(run, plan.fabricNetns, [`link del ${name}`]);
  await mustRun(run, ['ip', 'netns', 'del', netns]);
}

async function addNamespace(
  run: RunCommand,
  netns: string,
  sysctls: readonly (readonly [string, string])[],
): Promise<void> {
  await mustRun(run, ['ip', 'netns', 'add', netns]);
  inNamespace(netnsPath(netns), () => {
    for (const [path, value] of sysctls) writeFileSync(`/proc/sys/net/${path}`, value);
  });
}
