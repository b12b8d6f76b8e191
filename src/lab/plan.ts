// What a lab consists of, computed from its specification and nothing else: names of namespaces,
// segments of the underlay, addresses. Pure, so that `up`, `down`, `check` and a run after a crash
// agree about every name without asking anybody. Several labs may use the same addresses, since
// each lives in namespaces of its own; only the names differ.

import type { BackendType, Config } from '../config/config.ts';
import { assert } from '../lib/assert.ts';
import type { Cidr } from '../net/cidr.ts';
import { addressAt, parseCidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';

export type UnderlayKind = 'flat' | 'routed';

export type LabSpec = {
  /** Lower-case letters, digits and `-`; first part of every namespace's name. */
  readonly name: string;
  readonly nodeCount: number;
  /** Once nodes were added or removed: those that are there. */
  readonly nodeNumbers?: readonly number[];
  readonly podsPerNode: number;
  readonly backend: BackendType;
  readonly underlay: UnderlayKind;
  /** Segments of a routed underlay; a flat one has exactly one. */
  readonly segmentCount: number;
  readonly families: readonly Family[];
  /** MTU of every link of the underlay. */
  readonly mtuBytes: number;
  /** The cluster's pod networks, one per family. */
  readonly podNetworks: readonly Cidr[];
  /** On backend bgp: so many of the first nodes reflect routes; absent or 0: a full mesh. */
  readonly reflectorCount?: number;
  /** What gives the nodes their subnets; absent: as the configuration's default has it. */
  readonly subnetSource?: Config['subnetSource'];
};

/** One Ethernet segment: a bridge in the fabric namespace, which holds the router's address. */
export type Segment = {
  readonly bridge: string;
  readonly networks: readonly Cidr[];
  readonly routerAddresses: readonly Ip[];
};

export type LabNode = {
  /** Name of the Node object: `node1`. */
  readonly name: string;
  readonly netns: string;
  readonly segment: Segment;
  readonly addresses: readonly Ip[];
};

export type LabPod = { readonly name: string; readonly netns: string; readonly node: string };

export type LabPlan = {
  readonly spec: LabSpec;
  readonly fabricNetns: string;
  readonly segments: readonly Segment[];
  readonly nodes: readonly LabNode[];
  readonly pods: readonly LabPod[];
  /** A host that is not part of the cluster, behind the router. */
  readonly outside: {
    readonly netns: string;
    readonly networks: readonly Cidr[];
    readonly routerAddresses: readonly Ip[];
    readonly addresses: readonly Ip[];
  };
  /** Where the nodes reach the Kubernetes API: the router's address on the first segment. */
  readonly apiAddress: Ip;
};

export const API_PORT = 6443;
/** Host number of the router, and what is added to a node's number, on each segment. */
const ROUTER_HOST = 1n;
const NODE_HOST_BASE = 10n;
export const NODE_COUNT_MAX = 200;
export const PODS_PER_NODE_MAX = 100;
export const SEGMENT_COUNT_MAX = 16;

/** The admin socket's path, which the name is part of, may have 107 bytes (unix(7)). */
export const LAB_NAME_LENGTH_MAX = 32;

/** A name is part of file names and of names of namespaces: neither `/` nor `..` can be in it. */
export const isLabName = (name: string): boolean =>
  /^[a-z][a-z0-9-]*$/.test(name) && name.length <= LAB_NAME_LENGTH_MAX;

export const DEFAULT_POD_NETWORK = {
  ipv4: '10.244.0.0/16',
  ipv6: 'fd00:244::/48',
} as const satisfies Record<Family, string>;

/** Documentation prefixes (RFC 5737, RFC 3849): surely not in the cluster. */
const OUTSIDE_NETWORK = { ipv4: '198.51.100.0/24', ipv6: '2001:db8:0:ffff::/64' } as const;

const segmentNetwork = (family: Family, index: number): Cidr =>
  cidr(family === 'ipv4' ? `192.168.${100 + index}.0/24` : `fd64:0:0:${index.toString(16)}::/64`);

export function planLab(spec: LabSpec): LabPlan {
  const segments = Array.from({ length: spec.segmentCount }, (_, index) =>
    planSegment(spec, index),
  );
  const nodes = nodeNumbersOf(spec).map((number) => planNode(spec, segments, number));
  const outsideNetworks = spec.families.map((family) => cidr(OUTSIDE_NETWORK[family]));
  const apiAddress = segments[0]?.routerAddresses[0];
  assert(apiAddress !== undefined, 'a lab has at least one segment and one family');
  return {
    spec,
    fabricNetns: `${spec.name}-fabric`,
    segments,
    nodes,
    pods: nodes.flatMap((node) => planPods(node, spec.podsPerNode)),
    outside: {
      netns: `${spec.name}-outside`,
      networks: outsideNetworks,
      routerAddresses: outsideNetworks.map((network) => addressAt(network, ROUTER_HOST)),
      addresses: outsideNetworks.map((network) => addressAt(network, ROUTER_HOST + 1n)),
    },
    apiAddress,
  };
}

export const nodeNumbersOf = ({ nodeNumbers, nodeCount }: LabSpec): readonly number[] =>
  nodeNumbers ?? Array.from({ length: nodeCount }, (_, index) => index + 1);

/** `undefined` for what is not the name of a lab's node. */
export function numberOfNode(name: string): number | undefined {
  const number = Number(/^node([1-9]\d{0,2})$/.exec(name)?.[1]);
  return number <= NODE_COUNT_MAX ? number : undefined;
}

function planSegment(spec: LabSpec, index: number): Segment {
  const networks = spec.families.map((family) => segmentNetwork(family, index));
  return {
    bridge: `segment${index}`,
    networks,
    routerAddresses: networks.map((network) => addressAt(network, ROUTER_HOST)),
  };
}

/** Nodes are dealt to the segments in turn, so that neighbours by number never share one. */
function planNode(spec: LabSpec, segments: readonly Segment[], number: number): LabNode {
  const segment = segments[(number - 1) % segments.length];
  assert(segment !== undefined, 'a lab has at least one segment');
  return {
    name: `node${number}`,
    netns: `${spec.name}-node${number}`,
    segment,
    addresses: segment.networks.map((network) =>
      addressAt(network, NODE_HOST_BASE + BigInt(number)),
    ),
  };
}

const planPods = (node: LabNode, count: number): LabPod[] =>
  Array.from({ length: count }, (_, index) => planPod(node, index + 1));

export const planPod = (node: LabNode, number: number): LabPod => ({
  name: `${node.name}-pod${number}`,
  netns: `${node.netns}-pod${number}`,
  node: node.name,
});

/**
 * Whether a namespace is part of the lab. The part after the lab's name is matched as a whole, so
 * that lab `a` never claims what belongs to a lab `a-b`.
 */
export function belongsToLab(labName: string, netns: string): boolean {
  if (!netns.startsWith(`${labName}-`)) return false;
  return /^(fabric|outside|node[1-9]\d*(-pod[1-9]\d*)?)$/.test(netns.slice(labName.length + 1));
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed !== undefined, `"${text}" is a network`);
  return parsed;
}
