// What a node is connected by where an operator names links: by name, address, expression or an
// address to reach; and which of several addresses on one link.

import { FAMILIES } from '../../../src/net/family.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { UnderlayCase } from '../../fake/underlay.ts';
import { describeUnderlay } from '../../fake/underlay.ts';

const LINKS: readonly UnderlayCase[] = [
  {
    name: '--iface goes before the InternalIP',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    internalIps: ['192.168.1.11'],
    wish: { interfaces: ['eth1'] },
    found: ['10.0.0.5 eth1 9000: --iface "eth1"'],
  },
  {
    name: '--iface may be an address',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5', 'eth1 10.0.0.6'],
    wish: { interfaces: ['10.0.0.6'] },
    found: ['10.0.0.6 eth1 9000: --iface "10.0.0.6"'],
  },
  {
    name: 'the other family follows to the link of an address',
    kernel: ['eth0 fd00::9', 'eth1 10.0.0.5', 'eth1 fd00::5'],
    wish: { interfaces: ['10.0.0.5'] },
    families: FAMILIES,
    found: ['10.0.0.5 eth1 9000: --iface "10.0.0.5"', 'fd00::5 eth1 9000: eth1'],
  },
  {
    name: 'an address of each family, on two links',
    kernel: ['eth0 fd00::9', 'eth1 10.0.0.5', 'eth1 fd00::5'],
    wish: { interfaces: ['10.0.0.5', 'fd00::9'] },
    families: FAMILIES,
    found: ['10.0.0.5 eth1 9000: --iface "10.0.0.5"', 'fd00::9 eth0 1500: --iface "fd00::9"'],
  },
  {
    name: 'of several --iface the first that is there',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5', 'eth2'],
    wish: { interfaces: ['wan0', 'eth2', 'eth1', 'eth0'] },
    found: ['10.0.0.5 eth1 9000: --iface "eth1"'],
  },
  {
    name: 'a link without an address of the family is named, and the InternalIP not taken instead',
    kernel: ['eth0 192.168.1.11', 'eth0 fd00::1', 'eth1 10.0.0.5'],
    internalIps: ['192.168.1.11', 'fd00::1'],
    wish: { interfaces: ['eth1'] },
    families: FAMILIES,
    found: ['10.0.0.5 eth1 9000: --iface "eth1"'],
    problems: ['--iface "eth1": that link has no IPv6 address: IPv6 is not served here'],
  },
  {
    name: 'each link that is not there is named',
    kernel: ['eth0 192.168.1.11', 'eth2'],
    wish: { interfaces: ['wan0', 'eth2', '10.0.0.9'] },
    patterns: ['^ens'],
    found: [],
    problems: [
      '--iface "wan0": there is no link of that name; --iface "eth2": that link has no IPv4 ' +
        'address; --iface "10.0.0.9": no link of this node has that address; --iface-regex "^ens" ' +
        'matches no address and no link: IPv4 is not served here',
    ],
  },
  {
    name: 'what was in use goes on while the named link is away',
    kernel: ['eth0 192.168.1.11'],
    wish: { interfaces: ['eth1'] },
    inUse: ['192.168.1.11'],
    found: ['192.168.1.11 eth0 1500: in use before: --iface "eth1": there is no link of that name'],
    kept: [
      '--iface "eth1": there is no link of that name: 192.168.1.11 on eth0, which was in use, stays so',
    ],
  },
  {
    name: '--iface goes before --iface-regex, whatever the order on the command line',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    wish: { interfaces: ['eth1'] },
    patterns: ['eth0'],
    found: ['10.0.0.5 eth1 9000: --iface "eth1"'],
  },
  {
    name: '--iface-regex matches addresses before names',
    kernel: ['net10 192.168.1.11', 'eth1 10.0.0.5'],
    patterns: ['10'],
    found: ['10.0.0.5 eth1 9000: --iface-regex "10"'],
  },
  {
    name: '--iface-regex names the further links that match and have an address',
    kernel: ['eth0', 'eth1 10.0.0.5', 'eth2 10.0.1.5', 'poplin0 10.0.2.5'],
    patterns: ['^(eth|poplin)'],
    found: ['10.0.0.5 eth1 9000: --iface-regex "^(eth|poplin)" (of eth1, eth2)'],
  },
  {
    name: 'of several --iface-regex the first that matches',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    patterns: ['^ens', 'eth1', 'eth0'],
    found: ['10.0.0.5 eth1 9000: --iface-regex "eth1"'],
  },
  {
    name: 'an address that --iface-regex matches names the link for both families',
    kernel: ['eth0 fd00::9', 'eth1 10.0.0.5', 'eth1 fd00::5'],
    patterns: ['^10\\.'],
    families: FAMILIES,
    found: ['10.0.0.5 eth1 9000: --iface-regex "^10\\."', 'fd00::5 eth1 9000: eth1'],
  },
  {
    name: 'a link that --iface-regex matches may have no address',
    kernel: ['eth0 192.168.1.11', 'ens1'],
    patterns: ['^ens'],
    found: [],
    problems: ['--iface-regex "^ens": no IPv4 address on ens1: IPv4 is not served here'],
  },
  {
    name: '--iface-can-reach takes the link and the source of the route',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5', 'eth1 10.0.0.6'],
    internalIps: ['192.168.1.11'],
    wish: { canReach: ['10.1.0.1'] },
    lookups: {
      '10.1.0.1': {
        kind: 'gateway',
        link: 'eth1',
        gateway: '10.0.0.1' as Ip,
        source: '10.0.0.6' as Ip,
      },
    },
    found: ['10.0.0.6 eth1 9000: --iface-can-reach "10.1.0.1"'],
  },
  {
    name: '--iface-can-reach without a source takes the best of the link',
    kernel: ['eth1 fd00::5 secondary', 'eth1 fd00::6'],
    wish: { canReach: ['fd00::1'] },
    lookups: { 'fd00::1': { kind: 'onlink', link: 'eth1' } },
    families: ['ipv6'],
    found: ['fd00::6 eth1 9000: --iface-can-reach "fd00::1" (there is also fd00::5)'],
  },
  {
    name: '--iface-can-reach is the last resort',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    wish: { interfaces: ['eth0'], canReach: ['10.1.0.1'] },
    lookups: { '10.1.0.1': { kind: 'onlink', link: 'eth1' } },
    found: ['192.168.1.11 eth0 1500: --iface "eth0"'],
  },
  {
    name: '--iface-can-reach without a route',
    kernel: ['eth0 192.168.1.11'],
    wish: { canReach: ['10.1.0.1'] },
    lookups: { '10.1.0.1': { kind: 'unreachable' } },
    found: [],
    problems: [
      '--iface-can-reach "10.1.0.1": this node has no route to it: IPv4 is not served here',
    ],
  },
  {
    name: "--iface-can-reach to the node's own address",
    kernel: ['eth0 192.168.1.11'],
    wish: { canReach: ['192.168.1.11'] },
    lookups: { '192.168.1.11': { kind: 'local' } },
    found: [],
    problems: [
      '--iface-can-reach "192.168.1.11" is this node\'s own address: another\'s is needed: ' +
        'IPv4 is not served here',
    ],
  },
  {
    name: '--iface-can-reach over a link of our own',
    kernel: ['eth0 192.168.1.11', 'poplin4-1 10.244.0.0'],
    wish: { canReach: ['10.244.3.3'] },
    lookups: { '10.244.3.3': { kind: 'gateway', link: 'poplin4-1', gateway: '10.244.3.0' as Ip } },
    found: [],
    problems: [
      '--iface-can-reach "10.244.3.3" is reached by poplin4-1, which has no IPv4 address for peers: ' +
        'IPv4 is not served here',
    ],
  },
];

const ON_ONE_LINK: readonly UnderlayCase[] = [
  {
    name: 'of several addresses the one that lasts, and the others are named',
    kernel: [
      'eth1 fd00::4 dynamic',
      'eth1 fd00::5 secondary',
      'eth1 fd00::6 deprecated',
      'eth1 fd00::7',
    ],
    wish: { interfaces: ['eth1'] },
    families: ['ipv6'],
    found: ['fd00::7 eth1 9000: --iface "eth1" (there is also fd00::4, fd00::5, fd00::6)'],
  },
  {
    name: 'a dynamic one before those that change more often',
    kernel: ['eth1 fd00::6 deprecated', 'eth1 fd00::5 secondary', 'eth1 fd00::4 dynamic'],
    wish: { interfaces: ['eth1'] },
    families: ['ipv6'],
    found: ['fd00::4 eth1 9000: --iface "eth1" (there is also fd00::5, fd00::6)'],
  },
  {
    name: 'one that is in use stays when another comes',
    kernel: ['eth1 10.0.0.100', 'eth1 10.0.0.5 dynamic'],
    wish: { interfaces: ['eth1'] },
    inUse: ['10.0.0.5'],
    found: ['10.0.0.5 eth1 9000: --iface "eth1" (there is also 10.0.0.100)'],
  },
  {
    name: 'one that is in use and deprecated makes room',
    kernel: ['eth1 fd00::5 deprecated', 'eth1 fd00::6 dynamic'],
    wish: { interfaces: ['eth1'] },
    inUse: ['fd00::5'],
    families: ['ipv6'],
    found: ['fd00::6 eth1 9000: --iface "eth1" (there is also fd00::5)'],
  },
  {
    name: 'the public one, when the link has it',
    kernel: ['eth1 10.0.0.5', 'eth1 10.0.0.6'],
    wish: { interfaces: ['eth1'], publicIps: ['10.0.0.6'] },
    found: ['10.0.0.6 eth1 9000: --iface "eth1"'],
  },
];

describeUnderlay('by links that are named', LINKS);
describeUnderlay('of several addresses on one link', ON_ONE_LINK);
