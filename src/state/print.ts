// States and ops as the text that `ip`, `bridge` and `sysctl` users know: for golden tests, logs
// and status. One line per object, sorted, so that two states can be compared by eye and by diff.

import type {
  Address,
  FdbEntry,
  KernelState,
  Link,
  Neighbour,
  Nexthop,
  Qdisc,
  Route,
  RouteHop,
  RouteVia,
  Rule,
} from './kernel-state.ts';
import type { Op, OpObject } from './op.ts';
import { MAIN_TABLE } from './own.ts';

export function printState(state: KernelState): string {
  const lines = [
    ...sorted(state.links.values(), printLink),
    ...sorted(state.addresses.values(), printAddress),
    ...sorted(state.nexthops.values(), printNexthop),
    ...sorted(state.routes.values(), printRoute),
    ...sorted(state.neighbours.values(), printNeighbour),
    ...sorted(state.fdb.values(), printFdbEntry),
    ...sorted(state.rules.values(), printRule),
    ...sorted(state.qdiscs.values(), printQdisc),
    ...sorted(state.sysctls, ([path, value]) => `sysctl ${path} = ${value}`),
    ...(state.nftTable === undefined ? [] : [`nft table inet poplin ${state.nftTable.hash}`]),
    ...sorted(state.nftSets, ([set, elements]) => `nft set ${set} { ${[...elements].sort()} }`),
  ];
  return `${lines.join('\n')}\n`;
}

/** `route add 10.244.2.0/24 …`, as one would type it. */
export function printOp(op: Op): string {
  const text = printObject(op);
  const space = text.indexOf(' ');
  return `${text.slice(0, space)} ${op.verb}${text.slice(space)}`;
}

/** `route 10.244.2.0/24 …`, without a verb. */
export function printObject(op: OpObject): string {
  switch (op.object) {
    case 'link':
      return printLink(op.value);
    case 'address':
      return printAddress(op.value);
    case 'nexthop':
      return printNexthop(op.value);
    case 'route':
      return printRoute(op.value);
    case 'neighbour':
      return printNeighbour(op.value);
    case 'fdb':
      return printFdbEntry(op.value);
    case 'rule':
      return printRule(op.value);
    case 'qdisc':
      return printQdisc(op.value);
    case 'sysctl':
      return `sysctl ${op.value.path} = ${op.value.value}`;
    case 'nft-table':
      return `nft table inet poplin ${op.value.hash}`;
    case 'nft-element':
      return `nft element inet poplin ${op.value.set} { ${op.value.element} }`;
  }
}

const sorted = <T>(values: Iterable<T>, print: (value: T) => string): string[] =>
  [...values].map(print).sort();

function printLink(link: Link): string {
  const common = [
    `link ${link.name}`,
    link.up ? 'up' : 'down',
    `mtu ${link.mtuBytes}`,
    `address ${link.mac}`,
    link.group === 0 ? '' : `group ${link.group}`,
    link.alias === '' ? '' : `alias "${link.alias}"`,
  ];
  return words([...common, ...printLinkKind(link)]);
}

function printLinkKind(link: Link): string[] {
  switch (link.kind) {
    case 'vxlan':
      return [
        `type vxlan id ${link.vni} local ${link.local} dstport ${link.portNumber}`,
        link.underlay === '' ? '' : `dev ${link.underlay}`,
        link.learning ? 'learning' : 'nolearning',
        link.gbp ? 'gbp' : '',
        link.udpChecksum ? 'udpcsum' : 'noudpcsum',
      ];
    case 'veth':
      return ['type veth', link.peer === undefined ? '' : `peer ${link.peer.name}`];
    case 'ifb':
      return ['type ifb'];
    case 'other':
      return [`type ${link.driver === '' ? 'unknown' : link.driver}`];
  }
}

const printAddress = (a: Address): string =>
  words([
    `address ${a.address}/${a.lengthBits} dev ${a.link}`,
    a.scope === 'global' ? '' : `scope ${a.scope}`,
  ]);

const printNexthop = (n: Nexthop): string =>
  words([`nexthop via ${n.gateway} dev ${n.link}`, n.onlink ? 'onlink' : '']);

export function printRoute(route: Route): string {
  const unreachable = route.via.kind === 'unreachable' ? 'unreachable' : '';
  return words([
    'route',
    unreachable,
    route.destination,
    printVia(route.via),
    route.table === MAIN_TABLE ? '' : `table ${route.table}`,
    `proto ${route.protocol} metric ${route.metric}`,
    route.source === undefined ? '' : `src ${route.source}`,
    route.mtuBytes === undefined ? '' : `mtu ${route.mtuBytes}`,
  ]);
}

export function printVia(via: RouteVia): string {
  switch (via.kind) {
    case 'nexthop':
      return `nhvia ${via.gateway} dev ${via.link}`;
    case 'gateway':
      return `via ${via.gateway} dev ${via.link}${via.onlink ? ' onlink' : ''}`;
    case 'link':
      return `dev ${via.link}`;
    case 'multipath':
      return via.hops.map(printHop).join(' ');
    case 'unreachable':
      return '';
  }
}

const printHop = ({ link, gateway, onlink, weight }: RouteHop): string =>
  words([
    `nexthop${gateway === undefined ? '' : ` via ${gateway}`} dev ${link} weight ${weight}`,
    onlink ? 'onlink' : '',
  ]);

const printNeighbour = (n: Neighbour): string =>
  `neighbour ${n.address} lladdr ${n.mac} dev ${n.link}`;

const printFdbEntry = (e: FdbEntry): string => `fdb ${e.mac} dst ${e.remote} dev ${e.link}`;

const printRule = (rule: Rule): string =>
  `rule ${rule.family} priority ${rule.priority} fwmark ${hex(rule.mark)}/${hex(rule.markMask)}` +
  ` lookup ${rule.table}`;

const printQdisc = (q: Qdisc): string =>
  q.kind === 'redirect'
    ? `qdisc dev ${q.link} clsact redirect dev ${q.to}`
    : `qdisc dev ${q.link} root tbf rate ${q.bytesPerSecond * 8}bit` +
      ` burst ${q.burstBytes} limit ${q.limitBytes}`;

const hex = (value: number): string => `0x${value.toString(16)}`;

const words = (parts: readonly string[]): string => parts.filter((part) => part !== '').join(' ');
