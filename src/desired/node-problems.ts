// What is wrong with nodes' data, by node name, in words for `status` and Events: what subnets.ts
// found, and underlay addresses that two nodes claim. The latter harms nobody but those two, since
// each of them is reached by an Ethernet address of its own or not at all. Pure.

import type { ClusterNode } from '../cluster/node.ts';
import { reachOf } from '../cluster/reach.ts';
import type { Ip } from '../net/ip.ts';

export type NodeProblems = ReadonlyMap<string, readonly string[]>;

export function withSharedUnderlays(
  problems: NodeProblems,
  nodes: ReadonlyMap<string, ClusterNode>,
  self: { readonly name: string; readonly underlay: readonly Ip[] },
): NodeProblems {
  const shared = sharedAddresses(nodes, self);
  if (shared.size === 0) return problems;
  const all = new Map<string, readonly string[]>(problems);
  for (const [ip, names] of shared) {
    for (const name of names) {
      const others = names.filter((other) => other !== name).join(', ');
      const problem = `underlay address ${ip} is also that of ${others}: packets reach one of them`;
      all.set(name, [...(all.get(name) ?? []), problem]);
    }
  }
  return all;
}

function sharedAddresses(
  nodes: ReadonlyMap<string, ClusterNode>,
  self: { readonly name: string; readonly underlay: readonly Ip[] },
): Map<Ip, string[]> {
  const first = new Map<Ip, string>(self.underlay.map((ip) => [ip, self.name]));
  const shared = new Map<Ip, string[]>();
  for (const node of nodes.values()) {
    if (node.name === self.name) continue;
    for (const ip of reachOf(node)?.underlay ?? []) {
      const other = first.get(ip);
      if (other === undefined) first.set(ip, node.name);
      else if (other !== node.name) shared.set(ip, [...(shared.get(ip) ?? [other]), node.name]);
    }
  }
  return shared;
}
