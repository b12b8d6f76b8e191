// The difference between what is wanted and what is there, as a list of ops. Pure, and the only
// place that decides on removals: they need a `CompleteState`, which only a synced cluster can
// give, so that deleting too early does not compile (invariant 2). Objects that are right already
// yield no op (invariant 7), and an object on a link that must be made anew counts as missing.

import type {
  Address,
  FdbEntry,
  KernelState,
  Link,
  Neighbour,
  Nexthop,
  Route,
  VxlanLink,
} from './kernel-state.ts';
import { linksOf } from './kernel-state.ts';
import type { AdditiveOp, Op, OpObject, RemoveOp } from './op.ts';
import { keyOfElement } from './op-key.ts';
import { isPodLink } from './own.ts';
import { sameQdisc } from './same-qdisc.ts';
import { sameRoute } from './same-route.ts';

/** Computed from the whole truth: what is ours and not in here has to go. */
export type CompleteState = KernelState & { readonly knowledge: 'complete' };
/** Computed from what a disk remembers: good enough to add, never to remove. */
export type RememberedState = KernelState & { readonly knowledge: 'remembered' };

/** Everything from `actual` to `desired`; `owned` is the part of `actual` that may be removed. */
export function diff(desired: CompleteState, actual: KernelState, owned: KernelState): Op[] {
  const replaced = replacedLinks(desired, actual);
  const standing = withoutLinks(actual, replaced);
  const rebuilt: RemoveOp[] = [...replaced].flatMap((name) => {
    const value = actual.links.get(name);
    return value === undefined ? [] : [{ verb: 'remove', object: 'link', value }];
  });
  return [...rebuilt, ...additions(desired, standing), ...removals(desired, owned, replaced)];
}

/** What can be done without removing anything. */
export function diffAdditive(
  desired: CompleteState | RememberedState,
  actual: KernelState,
): AdditiveOp[] {
  return additions(desired, withoutLinks(actual, replacedLinks(desired, actual))).filter(
    // A link of the same name that would have to go first stays as it is.
    (op) => !(op.object === 'link' && op.verb === 'add' && actual.links.has(op.value.name)),
  );
}

/**
 * What a remembered cluster allows: what is missing is added, and this node's own things are kept
 * as they should be. What leads to peers and is there already may be newer than the memory, and
 * stays. Only what the node's own right to its subnets decides is removed, whatever the cluster.
 */
export function diffRemembered(
  desired: RememberedState,
  actual: KernelState,
  owned: KernelState,
): Op[] {
  const kept = diffAdditive(desired, actual).filter(
    (op) => op.verb !== 'change' || !LEADS_TO_PEERS.has(op.object) || isOwnRoute(op),
  );
  const gone: RemoveOp[] = [];
  for (const [key, value] of owned.addresses) {
    const isOwn = value.link === 'lo' && !desired.addresses.has(key);
    if (isOwn) gone.push({ verb: 'remove', object: 'address', value });
  }
  for (const [key, value] of owned.routes) {
    const isOwn = isOfOwnSubnet(value) && !desired.routes.has(key);
    if (isOwn) gone.push({ verb: 'remove', object: 'route', value });
  }
  return [...kept, ...gone];
}

const LEADS_TO_PEERS: ReadonlySet<OpObject['object']> = new Set([
  'route',
  'nexthop',
  'neighbour',
  'fdb',
]);

/** To the node's own pods, or the unreachable one below those. */
const isOfOwnSubnet = ({ via }: Route): boolean =>
  via.kind === 'unreachable' || (via.kind === 'link' && isPodLink(via.link));

const isOwnRoute = (op: AdditiveOp): boolean => op.object === 'route' && isOfOwnSubnet(op.value);

function additions(desired: KernelState, actual: KernelState): AdditiveOp[] {
  const ops: AdditiveOp[] = [];
  compare(desired.links, actual.links, {
    object: 'link',
    same: sameLink,
    ops,
  });
  compare(desired.addresses, actual.addresses, { object: 'address', same: sameAddress, ops });
  compare(desired.nexthops, actual.nexthops, { object: 'nexthop', same: sameNexthop, ops });
  compare(desired.routes, actual.routes, { object: 'route', same: sameRoute, ops });
  compare(desired.neighbours, actual.neighbours, {
    object: 'neighbour',
    same: sameNeighbour,
    ops,
  });
  compare(desired.fdb, actual.fdb, { object: 'fdb', same: sameFdbEntry, ops });
  compare(desired.rules, actual.rules, { object: 'rule', same: () => true, ops });
  compare(desired.qdiscs, actual.qdiscs, { object: 'qdisc', same: sameQdisc, ops });
  for (const [path, value] of desired.sysctls) {
    // One that the kernel does not have was left out of what was read and cannot be set, unless its
    // link is only about to be made.
    const current = actual.sysctls.get(path);
    const link = linkOfSysctl(path);
    const comes = desired.links.has(link) && !actual.links.has(link);
    if (current === undefined ? comes : current !== value) {
      ops.push({ verb: 'change', object: 'sysctl', value: { path, value } });
    }
  }
  nftAdditions(desired, actual, ops);
  return ops;
}

type Comparison<T> = {
  readonly object: OpObject['object'];
  readonly same: (wanted: T, current: T) => boolean;
  readonly ops: AdditiveOp[];
};

function compare<T>(
  desired: ReadonlyMap<string, T>,
  actual: ReadonlyMap<string, T>,
  { object, same, ops }: Comparison<T>,
): void {
  // By `forEach`: of maps with thousands of entries `for of` makes a pair for each.
  desired.forEach((value, key) => {
    const current = actual.get(key);
    if (current === undefined) ops.push({ verb: 'add', object, value } as AdditiveOp);
    else if (!same(value, current)) ops.push({ verb: 'change', object, value } as AdditiveOp);
  });
}

function nftAdditions(desired: KernelState, actual: KernelState, ops: AdditiveOp[]): void {
  if (desired.nftTable !== undefined && desired.nftTable.hash !== actual.nftTable?.hash) {
    const verb = actual.nftTable === undefined ? 'add' : 'change';
    ops.push({ verb, object: 'nft-table', value: desired.nftTable });
  }
  for (const [set, elements] of desired.nftSets) {
    const current = actual.nftSets.get(set) ?? new Set();
    const missing = without(elements, current);
    if (missing.length === 0) continue;
    const keys = new Set([...current].map(keyOfElement));
    for (const element of missing) {
      // The key of a map's element is there, and leads elsewhere.
      const verb = keys.has(keyOfElement(element)) ? 'change' : 'add';
      ops.push({ verb, object: 'nft-element', value: { set, element } });
    }
  }
}

/** Those of thousands that are not among the others; mostly none. */
function without(elements: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  const left: string[] = [];
  for (const element of elements) if (!others.has(element)) left.push(element);
  return left;
}

function removals(
  desired: CompleteState,
  owned: KernelState,
  replaced: ReadonlySet<string>,
): RemoveOp[] {
  const ops: RemoveOp[] = [];
  const absent = <T>(
    object: OpObject['object'],
    wanted: ReadonlyMap<string, T>,
    current: ReadonlyMap<string, T>,
  ): void => {
    current.forEach((value, key) => {
      if (!wanted.has(key)) ops.push({ verb: 'remove', object, value } as RemoveOp);
    });
  };
  absent('link', desired.links, owned.links);
  // What lies on a link that goes disappears with it: removing it first would only cost time.
  const goes = new Set(replaced);
  for (const name of owned.links.keys()) if (!desired.links.has(name)) goes.add(name);
  const left = withoutLinks(owned, goes);
  absent('address', desired.addresses, left.addresses);
  absent('nexthop', desired.nexthops, left.nexthops);
  absent('route', desired.routes, left.routes);
  absent('neighbour', desired.neighbours, left.neighbours);
  absent('fdb', desired.fdb, left.fdb);
  absent('qdisc', desired.qdiscs, left.qdiscs);
  absent('rule', desired.rules, left.rules);
  for (const [set, elements] of owned.nftSets) {
    const wanted = desired.nftSets.get(set);
    if (wanted === undefined) continue;
    const unwanted = without(elements, wanted);
    if (unwanted.length === 0) continue;
    const keys = new Set([...wanted].map(keyOfElement));
    for (const element of unwanted) {
      if (keys.has(keyOfElement(element))) continue;
      ops.push({ verb: 'remove', object: 'nft-element', value: { set, element } });
    }
  }
  return ops;
}

/** Links of the right name that cannot become what is wanted without being made anew. */
function replacedLinks(desired: KernelState, actual: KernelState): Set<string> {
  const names = new Set<string>();
  for (const [name, wanted] of desired.links) {
    const current = actual.links.get(name);
    if (current !== undefined && !canBecome(wanted, current)) names.add(name);
  }
  return names;
}

/** VXLAN: VNI, port and flags are fixed at creation (drivers/net/vxlan: vxlan_changelink). */
function canBecome(wanted: Link, current: Link): boolean {
  if (wanted.kind === 'vxlan' && current.kind === 'vxlan') {
    return (
      wanted.vni === current.vni &&
      wanted.portNumber === current.portNumber &&
      wanted.gbp === current.gbp &&
      wanted.udpChecksum === current.udpChecksum
    );
  }
  return wanted.kind === current.kind;
}

function withoutLinks(state: KernelState, names: ReadonlySet<string>): KernelState {
  if (names.size === 0) return state;
  const keep = <T extends { readonly link: string }>(map: ReadonlyMap<string, T>): Map<string, T> =>
    new Map([...map].filter(([, value]) => !names.has(value.link)));
  return {
    ...state,
    links: new Map([...state.links].filter(([name]) => !names.has(name))),
    addresses: keep(state.addresses),
    nexthops: keep(state.nexthops),
    neighbours: keep(state.neighbours),
    fdb: keep(state.fdb),
    qdiscs: keep(state.qdiscs),
    routes: new Map(
      [...state.routes].filter(([, { via }]) => !linksOf(via).some((link) => names.has(link))),
    ),
    sysctls: new Map([...state.sysctls].filter(([path]) => !names.has(linkOfSysctl(path)))),
  };
}

/** `eth0` of `ipv4/conf/eth0/rp_filter`; '' for sysctls of no link. */
const linkOfSysctl = (path: string): string => path.split('/')[2] ?? '';

const sameVxlan = (wanted: VxlanLink, current: VxlanLink): boolean =>
  wanted.local === current.local &&
  wanted.underlay === current.underlay &&
  wanted.learning === current.learning;

function sameLink(wanted: Link, current: Link): boolean {
  const same =
    wanted.up === current.up &&
    wanted.mtuBytes === current.mtuBytes &&
    wanted.mac === current.mac &&
    wanted.group === current.group &&
    wanted.alias === current.alias;
  if (!same) return false;
  return wanted.kind === 'vxlan' && current.kind === 'vxlan' ? sameVxlan(wanted, current) : true;
}

const sameAddress = (wanted: Address, current: Address): boolean =>
  wanted.lengthBits === current.lengthBits;

const sameNexthop = (wanted: Nexthop, current: Nexthop): boolean =>
  wanted.onlink === current.onlink;

const sameNeighbour = (wanted: Neighbour, current: Neighbour): boolean =>
  wanted.mac === current.mac;

const sameFdbEntry = (wanted: FdbEntry, current: FdbEntry): boolean =>
  wanted.remote === current.remote;
