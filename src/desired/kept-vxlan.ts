// Which VXLAN settings a node works by. Configured ones come first; after a change to another
// backend the old ones are kept until nobody sends by VXLAN any more, and they are found again
// after a restart without any memory: from the device in the kernel, else from the own advert.

import { vxlanOverheadBytes } from '../backend/vxlan.ts';
import type { ClusterNode } from '../cluster/node.ts';
import { isFlannelNode } from '../cluster/reach.ts';
import type { Config, VxlanConfig } from '../config/config.ts';
import { familyOf } from '../net/ip.ts';
import type { VxlanLink } from '../state/kernel-state.ts';

/** Flannel's defaults, for the case that nothing else is known. */
const DEFAULT_VNI = 1;
const DEFAULT_PORT_NUMBER = 8472;

export type VxlanMemory = {
  readonly self: string;
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  /** Own VXLAN devices as read from the kernel. */
  readonly devices: readonly VxlanLink[];
};

/** `undefined`: neither configured nor used by anybody. */
export function vxlanSettings(config: Config, memory: VxlanMemory): VxlanConfig | undefined {
  if (config.backend.type === 'vxlan') return config.backend;
  return isUsedBySomebody(memory.nodes) ? keptSettings(memory) : undefined;
}

function isUsedBySomebody(nodes: ReadonlyMap<string, ClusterNode>): boolean {
  for (const node of nodes.values()) {
    if (node.advert?.sends.includes('vxlan') === true) return true;
    // Flannel's nodes send by what they receive by.
    if (isFlannelNode(node) && node.flannel?.backendType.toLowerCase() === 'vxlan') return true;
  }
  return false;
}

function vniOfFlannel(nodes: ReadonlyMap<string, ClusterNode>): number | undefined {
  for (const node of nodes.values()) {
    const [data] = isFlannelNode(node) ? (node.flannel?.vxlan ?? []) : [];
    if (data !== undefined) return data.vni;
  }
  return undefined;
}

function keptSettings({ self, nodes, devices }: VxlanMemory): VxlanConfig {
  const rest = { type: 'vxlan', directRouting: false } as const;
  const [receiver] = nodes.get(self)?.advert?.receives.vxlan ?? [];
  // Others are those of settings before these, which are draining.
  const device = devices.find(({ vni }) => vni === receiver?.vni) ?? devices[0];
  if (device !== undefined) {
    return {
      ...rest,
      vni: device.vni,
      portNumber: device.portNumber,
      mtuBytes: device.mtuBytes + vxlanOverheadBytes(familyOf(device.local)),
      gbp: device.gbp,
      learning: device.learning,
    };
  }
  return {
    ...rest,
    vni: receiver?.vni ?? vniOfFlannel(nodes) ?? DEFAULT_VNI,
    portNumber: receiver?.port ?? DEFAULT_PORT_NUMBER,
    gbp: false,
    learning: false,
  };
}
