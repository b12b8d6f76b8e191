// What a node is connected by where an operator names its public address: by flags or by Flannel's
// annotations; also one that leads to the node only by a translation.

import { FAMILIES } from '../../../src/net/family.ts';
import type { UnderlayCase } from '../../fake/underlay.ts';
import { describeUnderlay } from '../../fake/underlay.ts';

const PUBLIC: readonly UnderlayCase[] = [
  {
    name: '--public-ip names the address of a link, before the InternalIP',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    internalIps: ['192.168.1.11'],
    wish: { publicIps: ['10.0.0.5'] },
    found: ['10.0.0.5 eth1 9000: --public-ip "10.0.0.5"'],
  },
  {
    name: '--public-ip and --public-ipv6',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5', 'eth0 fd00::1'],
    wish: { publicIps: ['10.0.0.5', 'fd00::1'] },
    families: FAMILIES,
    found: [
      '10.0.0.5 eth1 9000: --public-ip "10.0.0.5"',
      'fd00::1 eth0 1500: --public-ipv6 "fd00::1"',
    ],
  },
  {
    name: '--public-ip of one family leaves the InternalIP of the other',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5', 'eth0 fd00::1'],
    internalIps: ['192.168.1.11', 'fd00::1'],
    wish: { publicIps: ['10.0.0.5'] },
    families: FAMILIES,
    found: ['10.0.0.5 eth1 9000: --public-ip "10.0.0.5"', 'fd00::1 eth0 1500: InternalIP'],
  },
  {
    name: '--public-ip that no link has says what would be right',
    kernel: ['eth0 192.168.1.11'],
    internalIps: ['192.168.1.11'],
    wish: { publicIps: ['203.0.113.7'] },
    found: [],
    problems: [
      'no link of this node has --public-ip "203.0.113.7" (behind a NAT name the link too, by ' +
        '--iface): IPv4 is not served here',
    ],
  },
  {
    name: '--public-ip with --iface is what peers are told',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    wish: { interfaces: ['eth1'], publicIps: ['203.0.113.7'] },
    found: ['10.0.0.5 eth1 9000 as 203.0.113.7: --iface "eth1"'],
  },
  {
    name: 'the annotation node-public-ip goes before --public-ip',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    words: { publicIps: ['192.168.1.11'] },
    wish: { publicIps: ['10.0.0.5'] },
    found: ['192.168.1.11 eth0 1500: annotation node-public-ip "192.168.1.11"'],
  },
  {
    name: 'the annotation node-public-ip with --iface is what peers are told',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    words: { publicIps: ['203.0.113.7'] },
    wish: { interfaces: ['eth1'], publicIps: ['203.0.113.8'] },
    found: ['10.0.0.5 eth1 9000 as 203.0.113.7: --iface "eth1"'],
  },
  {
    name: 'the annotation node-public-ipv6',
    kernel: ['eth0 fd00::1', 'eth1 fd00::2'],
    internalIps: ['fd00::1'],
    words: { publicIps: ['fd00::2'] },
    families: ['ipv6'],
    found: ['fd00::2 eth1 9000: annotation node-public-ipv6 "fd00::2"'],
  },
  {
    name: 'the annotation public-ip-overwrite is what peers are told, whatever chose the link',
    kernel: ['eth0 192.168.1.11', 'eth0 fd00::1'],
    internalIps: ['192.168.1.11', 'fd00::1'],
    words: { overwrites: ['203.0.113.7', '2001:db8:1::7'] },
    families: FAMILIES,
    found: [
      '192.168.1.11 eth0 1500 as 203.0.113.7: InternalIP',
      'fd00::1 eth0 1500 as 2001:db8:1::7: InternalIP',
    ],
  },
  {
    name: 'public-ip-overwrite goes before node-public-ip',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    internalIps: ['192.168.1.11'],
    words: { publicIps: ['10.0.0.5'], overwrites: ['203.0.113.7'] },
    found: ['10.0.0.5 eth1 9000 as 203.0.113.7: annotation node-public-ip "10.0.0.5"'],
  },
  {
    name: 'public-ip-overwrite with an address that the node has is that address',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    internalIps: ['192.168.1.11'],
    words: { overwrites: ['10.0.0.5'] },
    found: ['10.0.0.5 eth1 9000: annotation public-ip-overwrite'],
  },
];

describeUnderlay('by public addresses', PUBLIC);
