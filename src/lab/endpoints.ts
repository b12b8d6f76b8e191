// The endpoints that `lab check` tries: every node and every attached pod, with the addresses that
// they are reached at and seen by. What is known of a node comes from its subnet file, which stays
// when the agent is away: so does the network.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cidrAddress, networkOf, parsePrefix } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { Endpoint } from './check.ts';
import type { LabDirectory } from './lab-directory.ts';
import { netnsPath } from './netns.ts';
import type { LabNode, LabPlan } from './plan.ts';
import { addressesOf, podRecords, routeMtuBytesOf } from './pods.ts';

const DEFAULT_MTU_BYTES = 1280;

export function endpointsOf(plan: LabPlan, directory: LabDirectory): Endpoint[] {
  const files = new Map<string, SubnetFile>();
  for (const { name } of plan.nodes) files.set(name, readSubnetFile(directory.node(name).runDir));
  const fileOf = (node: string): SubnetFile => files.get(node) ?? NO_FILE;
  const pods = podRecords(directory).map((pod) => {
    const addresses = addressesOf(pod);
    const { mtuBytes } = fileOf(pod.node);
    const place = { name: pod.name, node: pod.node, netns: netnsPath(pod.netns) };
    return {
      ...{ ...place, kind: 'pod' as const, addresses, sourceAddresses: addresses },
      mtuBytes: Math.min(mtuBytes, routeMtuBytesOf(pod) ?? mtuBytes),
    };
  });
  const nodes = plan.nodes.map((node) => nodeEndpoint(node, fileOf(node.name)));
  return [...nodes, ...pods];
}

const nodeEndpoint = (node: LabNode, { subnetAddresses, mtuBytes }: SubnetFile): Endpoint => ({
  name: node.name,
  kind: 'node',
  node: node.name,
  netns: netnsPath(node.netns),
  addresses: node.addresses,
  sourceAddresses: [...node.addresses, ...subnetAddresses],
  mtuBytes,
});

type SubnetFile = { readonly subnetAddresses: readonly Ip[]; readonly mtuBytes: number };

const NO_FILE: SubnetFile = { subnetAddresses: [], mtuBytes: DEFAULT_MTU_BYTES };

function readSubnetFile(runDir: string): SubnetFile {
  let text: string;
  try {
    text = readFileSync(join(runDir, 'subnet.env'), 'utf8');
  } catch {
    return NO_FILE; // The node has no subnet yet, and nobody reaches its pods.
  }
  const subnetAddresses = [...text.matchAll(/^FLANNEL(?:_IPV6)?_SUBNET=(.*)$/gm)].flatMap(
    ([, value = '']) => {
      const prefix = parsePrefix(value);
      if (prefix === undefined) return [];
      return cidrAddress(networkOf(prefix.address, prefix.lengthBits));
    },
  );
  const [, mtu] = /^FLANNEL_MTU=(\d+)$/m.exec(text) ?? [];
  return { subnetAddresses, mtuBytes: mtu === undefined ? DEFAULT_MTU_BYTES : Number(mtu) };
}
