// Which VXLAN networks a node works by. The configured one comes first; after a change the old ones
// are kept until nobody sends by them any more, and where a peer is behind a router, which host-gw
// cannot pass, for as long as that is so. They are found again after a restart without any memory:
// from the devices in the kernel, else from the own advert, else from those of the peers, so that
// nodes which never had any agree.

import type { VxlanNetwork, VxlanSuffix } from '../backend/vxlan.ts';
import { VXLAN_SUFFIXES, vxlanLinkName, vxlanOverheadBytes } from '../backend/vxlan.ts';
import type { VxlanId, VxlanReceiver } from '../cluster/advert.ts';
import type { ClusterNode } from '../cluster/node.ts';
import { isFlannelNode, reachOf } from '../cluster/reach.ts';
import type { Config, VxlanSettings } from '../config/config.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { VxlanLink } from '../state/kernel-state.ts';
import type { RouteLookup } from '../state/route-lookup.ts';

/** Flannel's defaults, for the case that nothing else is known. */
const DEFAULT_VNI = 1;
const DEFAULT_PORT_NUMBER = 8472;
/** An advert has room for sixteen receivers, of two families. */
const NETWORKS_MAX = 8;

const REST = { learning: false } as const;

type Received = Pick<VxlanReceiver, 'vni' | 'port' | 'gbp'>;

export type VxlanMemory = {
  readonly self: string;
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  /** Own VXLAN devices as read from the kernel. */
  readonly devices: readonly VxlanLink[];
  /** Names of those that own routes to peers lead over. */
  readonly usedLinks: ReadonlySet<string>;
  /** The kernel's way to the peers' underlay addresses. */
  readonly lookups: ReadonlyMap<Ip, RouteLookup>;
  /** Peers send to another address than this node has. */
  readonly isTranslated: boolean;
};

/** The one to come to first, if there is one, then those that are still sent by. */
export function vxlanNetworks(config: Config, memory: VxlanMemory): readonly VxlanNetwork[] {
  const wanted = wantedSettings(config, memory);
  const networks = wanted === undefined ? [] : [withSuffix(wanted, memory.devices)];
  for (const device of memory.devices) {
    const id = { vni: device.vni, port: device.portNumber };
    const isKnown = networks.some((network) => isNetwork(network, id));
    if (isKnown || networks.length >= NETWORKS_MAX || !isSentBy(id, memory)) continue;
    networks.push({ ...settingsOf(device), suffix: suffixOf(device) });
  }
  return networks;
}

function wantedSettings(config: Config, memory: VxlanMemory): VxlanSettings | undefined {
  if (config.backend.type !== 'host-gw') return config.backend;
  const isNeeded =
    memory.isTranslated ||
    memory.usedLinks.size > 0 ||
    isUsedBySomebody(memory.nodes) ||
    isSomebodyBehindRouter(memory);
  return isNeeded ? keptSettings(memory) : undefined;
}

const isNetwork = ({ vni, portNumber }: VxlanSettings, id: VxlanId): boolean =>
  vni === id.vni && portNumber === id.port;

/** By this node's own routes, or by what a peer says. */
function isSentBy(id: VxlanId, { self, nodes, devices, usedLinks }: VxlanMemory): boolean {
  const isOwn = devices.some(
    (device) =>
      device.vni === id.vni && device.portNumber === id.port && usedLinks.has(device.name),
  );
  if (isOwn) return true;
  for (const node of nodes.values()) {
    if (node.name === self) continue;
    const sends = node.advert?.sendsVxlan ?? [];
    if (sends.some(({ vni, port }) => vni === id.vni && port === id.port)) return true;
    if (isFlannelNode(node) && node.flannel?.vxlan.some(({ vni }) => vni === id.vni)) return true;
  }
  return false;
}

function isUsedBySomebody(nodes: ReadonlyMap<string, ClusterNode>): boolean {
  for (const node of nodes.values()) {
    if (node.advert?.sends.includes('vxlan') === true) return true;
    // Flannel's nodes send by what they receive by.
    if (isFlannelNode(node) && node.flannel?.backendType.toLowerCase() === 'vxlan') return true;
  }
  return false;
}

/** Such a peer sees it alike, and prepares as well. */
function isSomebodyBehindRouter({ self, nodes, lookups }: VxlanMemory): boolean {
  for (const node of nodes.values()) {
    if (node.name === self) continue;
    const underlay = reachOf(node)?.underlay ?? [];
    if (underlay.some((ip) => lookups.get(ip)?.kind === 'gateway')) return true;
    if (isTranslated(node)) return true;
  }
  return false;
}

/** Devices that are there keep their names; another port of the same VNI takes the next suffix. */
function withSuffix(settings: VxlanSettings, devices: readonly VxlanLink[]): VxlanNetwork {
  const same = devices.filter(({ vni }) => vni === settings.vni);
  const own = same.find(({ portNumber }) => portNumber === settings.portNumber);
  if (own !== undefined) return { ...settings, suffix: suffixOf(own) };
  const taken = new Set(same.map(suffixOf));
  const free = VXLAN_SUFFIXES.find((suffix) => !taken.has(suffix));
  return { ...settings, suffix: free ?? '' };
}

function suffixOf({ name, vni, local }: VxlanLink): VxlanSuffix {
  const family = familyOf(local);
  return VXLAN_SUFFIXES.find((suffix) => vxlanLinkName(family, vni, suffix) === name) ?? '';
}

/** It has an address of a family in which it takes no plain packets. */
const isTranslated = ({ advert }: ClusterNode): boolean =>
  advert?.underlay.some(
    (ip) => !advert.receives['host-gw'].some(({ family }) => family === familyOf(ip)),
  ) === true;

function vniOfFlannel(nodes: ReadonlyMap<string, ClusterNode>): number | undefined {
  for (const node of nodes.values()) {
    const [data] = isFlannelNode(node) ? (node.flannel?.vxlan ?? []) : [];
    if (data !== undefined) return data.vni;
  }
  return undefined;
}

/**
 * Those by which most nodes receive, this one among them; of several that are as frequent those
 * with the lowest numbers. So nodes agree in the end, also with one that missed a change, and
 * whatever adverts dead nodes have left.
 */
function keptSettings(memory: VxlanMemory): VxlanSettings {
  const own = ownSettings(memory);
  const most = mostFrequent([
    ...(own === undefined ? [] : [{ vni: own.vni, port: own.portNumber, gbp: own.gbp }]),
    ...receiversOfPeers(memory),
  ]);
  if (own !== undefined && own.vni === most?.vni && own.portNumber === most.port) return own;
  return {
    ...REST,
    gbp: most?.gbp ?? false,
    vni: most?.vni ?? vniOfFlannel(memory.nodes) ?? DEFAULT_VNI,
    portNumber: most?.port ?? DEFAULT_PORT_NUMBER,
  };
}

function ownSettings({ self, nodes, devices }: VxlanMemory): VxlanSettings | undefined {
  const [receiver] = nodes.get(self)?.advert?.receives.vxlan ?? [];
  // Others are those of settings before these, which are draining.
  const device =
    devices.find(({ vni, portNumber }) => vni === receiver?.vni && portNumber === receiver.port) ??
    devices[0];
  if (device !== undefined) return settingsOf(device);
  return (
    receiver && {
      ...REST,
      gbp: receiver.gbp ?? false,
      vni: receiver.vni,
      portNumber: receiver.port,
    }
  );
}

const settingsOf = (device: VxlanLink): VxlanSettings => ({
  vni: device.vni,
  portNumber: device.portNumber,
  mtuBytes: device.mtuBytes + vxlanOverheadBytes(familyOf(device.local)),
  gbp: device.gbp,
  learning: device.learning,
});

const receiversOfPeers = ({ self, nodes }: VxlanMemory): readonly Received[] =>
  [...nodes.values()].flatMap((node) =>
    node.name === self ? [] : (node.advert?.receives.vxlan.slice(0, 1) ?? []),
  );

function mostFrequent(receivers: readonly Received[]): Received | undefined {
  const counts = new Map<string, Received & { readonly count: number }>();
  for (const { vni, port, gbp = false } of receivers) {
    const key = `${vni} ${port}`;
    counts.set(key, { vni, port, gbp, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  const [first] = [...counts.values()].sort(
    (a, b) => b.count - a.count || a.vni - b.vni || a.port - b.port,
  );
  return first;
}
