// Ops as command lines of ip, bridge and nft: what a person or another program would do. Only the
// forms that the conformance suites use.

import type { RouteVia } from '../../src/state/kernel-state.ts';
import type { Op } from '../../src/state/op.ts';
import { printVia } from '../../src/state/print.ts';

export function ipCommand(op: Op): string[] {
  const verb = op.verb === 'remove' ? 'del' : op.verb === 'change' ? 'replace' : 'add';
  return [...commandOf(op, verb)].flatMap((part) => part.split(' '));
}

function textOf(via: RouteVia): string {
  switch (via.kind) {
    case 'gateway':
      return `via ${via.gateway} dev ${via.link}${via.onlink ? ' onlink' : ''}`;
    case 'multipath':
      return printVia(via);
    case 'unreachable':
      return '';
    default:
      return `dev ${via.link}`;
  }
}

function commandOf(op: Op, verb: string): string[] {
  switch (op.object) {
    case 'link':
      if (op.verb === 'remove') return ['ip link del', op.value.name];
      return [
        'ip link set',
        op.value.name,
        `mtu ${op.value.mtuBytes} address ${op.value.mac}`,
        op.value.up ? 'up' : 'down',
      ];
    case 'address':
      return [
        `ip addr ${verb}`,
        `${op.value.address}/${op.value.lengthBits}`,
        `dev ${op.value.link}`,
      ];
    case 'route': {
      const { destination, table, metric, protocol, via } = op.value;
      const to = textOf(via);
      const type = via.kind === 'unreachable' ? 'unreachable ' : '';
      const where = op.verb === 'remove' || via.kind === 'unreachable' ? '' : ` ${to}`;
      return [
        `ip route ${verb} ${type}${destination}`,
        `table ${table} metric ${metric} proto ${protocol}${where}`,
      ];
    }
    case 'neighbour':
      return [
        `ip neigh ${verb} ${op.value.address} lladdr ${op.value.mac} dev ${op.value.link}`,
        ...(op.verb === 'remove' ? [] : ['nud permanent']),
      ];
    case 'fdb':
      return [
        `bridge fdb ${verb} ${op.value.mac} dev ${op.value.link} dst ${op.value.remote} self`,
      ];
    case 'rule':
      return [
        `ip ${op.value.family === 'ipv6' ? '-6' : '-4'} rule ${verb} priority ${op.value.priority}`,
        `fwmark ${op.value.mark}/${op.value.markMask} table ${op.value.table}`,
      ];
    case 'qdisc':
      return [`tc qdisc del dev ${op.value.link}`, op.value.kind === 'rate' ? 'root' : 'clsact'];
    case 'nexthop':
      return ['ip nexthop flush'];
    case 'sysctl':
      return [`sysctl -qw net/${op.value.path}=${op.value.value}`];
    case 'nft-table':
      return ['nft delete table inet poplin'];
    case 'nft-element': {
      const what = op.verb === 'remove' ? 'delete' : 'add';
      return [`nft ${what} element inet poplin ${op.value.set} { ${op.value.element} }`];
    }
  }
}
