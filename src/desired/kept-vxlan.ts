// Which VXLAN settings a node works by. Configured ones come first; after a change to another
// backend the old ones are kept until nobody sends by VXLAN any more, and where a peer is behind a
// router or a translation, which host-gw cannot pass, for as long as that is so. They are found
// again after a restart without any memory: from the device in the kernel, else from the own
// advert, else from those of the peers, so that nodes which never had any agree.

import { vxlanOverheadBytes } from '../backend/vxlan.ts';
import type { ClusterNode } from '../cluster/node.ts';
import { isFlannelNode, reachOf } from '../cluster/reach.ts';
import type { Config, VxlanConfig } from '../config/config.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { VxlanLink } from '../state/kernel-state.ts';
import type { RouteLookup } from '../state/route-lookup.ts';

/** Flannel's defaults, for the case that nothing else is known. */
const DEFAULT_VNI = 1;
const DEFAULT_PORT_NUMBER = 8472;

const REST = { type: 'vxlan', directRouting: false, gbp: false, learning: false } as const;

export type VxlanMemory = {
  readonly self: string;
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  /** Own VXLAN devices as read from the kernel. */
  readonly devices: readonly VxlanLink[];
  /** The kernel's way to the peers' underlay addresses. */
  readonly lookups: ReadonlyMap<Ip, RouteLookup>;
  /** Peers send to another address than this node has. */
  readonly isTranslated: boolean;
};

/** `undefined`: neither configured nor needed by anybody. */
export function vxlanSettings(config: Config, memory: VxlanMemory): VxlanConfig | undefined {
  if (config.backend.type === 'vxlan') return config.backend;
  const isNeeded =
    memory.isTranslated || isUsedBySomebody(memory.nodes) || isSomebodyBehindRouter(memory);
  return isNeeded ? keptSettings(memory) : undefined;
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
function keptSettings(memory: VxlanMemory): VxlanConfig {
  const own = ownSettings(memory);
  const most = mostFrequent([
    ...(own === undefined ? [] : [{ vni: own.vni, port: own.portNumber }]),
    ...receiversOfPeers(memory),
  ]);
  if (own !== undefined && own.vni === most?.vni && own.portNumber === most.port) return own;
  return {
    ...REST,
    vni: most?.vni ?? vniOfFlannel(memory.nodes) ?? DEFAULT_VNI,
    portNumber: most?.port ?? DEFAULT_PORT_NUMBER,
  };
}

function ownSettings({ self, nodes, devices }: VxlanMemory): VxlanConfig | undefined {
  const [receiver] = nodes.get(self)?.advert?.receives.vxlan ?? [];
  // Others are those of settings before these, which are draining.
  const device = devices.find(({ vni }) => vni === receiver?.vni) ?? devices[0];
  if (device !== undefined) {
    return {
      ...REST,
      vni: device.vni,
      portNumber: device.portNumber,
      mtuBytes: device.mtuBytes + vxlanOverheadBytes(familyOf(device.local)),
      gbp: device.gbp,
      learning: device.learning,
    };
  }
  return receiver && { ...REST, vni: receiver.vni, portNumber: receiver.port };
}

type Receiver = { readonly vni: number; readonly port: number };

const receiversOfPeers = ({ self, nodes }: VxlanMemory): readonly Receiver[] =>
  [...nodes.values()].flatMap((node) =>
    node.name === self ? [] : (node.advert?.receives.vxlan.slice(0, 1) ?? []),
  );

function mostFrequent(receivers: readonly Receiver[]): Receiver | undefined {
  const counts = new Map<string, Receiver & { readonly count: number }>();
  for (const { vni, port } of receivers) {
    const key = `${vni} ${port}`;
    counts.set(key, { vni, port, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  const [first] = [...counts.values()].sort(
    (a, b) => b.count - a.count || a.vni - b.vni || a.port - b.port,
  );
  return first;
}
