// What a node is connected by where no link is named: the InternalIP, with etcd --node-ip or the
// default route; a family of which nothing is said follows the other to its link; what was in use
// goes on while what is asked for is not there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookupsFor } from '../../../src/agent/underlay.ts';
import type { UnderlayWish } from '../../../src/agent/underlay-wish.ts';
import { NO_WISH } from '../../../src/agent/underlay-wish.ts';
import { FAMILIES } from '../../../src/net/family.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { familyOf } from '../../../src/net/ip.ts';
import type { UnderlayCase } from '../../fake/underlay.ts';
import { describeUnderlay } from '../../fake/underlay.ts';

const INTERNAL: readonly UnderlayCase[] = [
  {
    name: 'takes the InternalIP, wherever else there are addresses',
    kernel: ['eth0 10.0.2.15', 'eth1 192.168.1.11'],
    internalIps: ['192.168.1.11'],
    found: ['192.168.1.11 eth1 9000: InternalIP'],
  },
  {
    name: 'takes the first of two InternalIPs that the node has, and says so',
    kernel: ['eth0 10.0.2.15', 'eth1 192.168.1.11'],
    internalIps: ['172.16.0.1', '192.168.1.11', '10.0.2.15'],
    found: ['192.168.1.11 eth1 9000: InternalIP (of 172.16.0.1, 192.168.1.11, 10.0.2.15)'],
  },
  {
    name: 'finds the other family on the same link',
    kernel: ['eth1 192.168.1.11', 'eth0 fd00::9', 'eth1 fe80::1 link', 'eth1 fd01::11'],
    internalIps: ['192.168.1.11'],
    families: FAMILIES,
    found: [
      '192.168.1.11 eth1 9000: InternalIP',
      'fd01::11 eth1 9000: on the link of the IPv4 address',
    ],
  },
  {
    name: 'finds IPv4 on the link of an IPv6 InternalIP as well',
    kernel: ['eth0 10.0.2.15', 'eth1 192.168.1.11', 'eth1 fd01::11'],
    internalIps: ['fd01::11'],
    families: FAMILIES,
    found: [
      '192.168.1.11 eth1 9000: on the link of the IPv6 address',
      'fd01::11 eth1 9000: InternalIP',
    ],
  },
  {
    name: 'takes no other address of a family whose InternalIP is not there',
    kernel: ['eth1 192.168.1.11', 'eth1 fd01::11'],
    internalIps: ['192.168.1.11', 'fd01::99'],
    families: FAMILIES,
    found: ['192.168.1.11 eth1 9000: InternalIP'],
    problems: ['no link of this node has its InternalIP fd01::99: IPv6 is not served here'],
  },
  {
    name: 'does not take link-local addresses, loopback or own links',
    kernel: ['lo 192.168.1.11', 'poplin4-1 192.168.1.11', 'eth0 192.168.1.11 link'],
    internalIps: ['192.168.1.11'],
    found: [],
    problems: ['no link of this node has its InternalIP 192.168.1.11: IPv4 is not served here'],
  },
  {
    name: 'says which family is missing',
    kernel: ['eth0 192.168.1.11'],
    internalIps: ['192.168.1.11'],
    families: FAMILIES,
    found: ['192.168.1.11 eth0 1500: InternalIP'],
    problems: [
      'this node has no IPv6 address for its peers (no IPv6 InternalIP, and none on the link of the ' +
        'other family): IPv6 is not served here',
    ],
  },
  {
    name: 'waits for an address whose uniqueness is still being looked into',
    kernel: ['eth0 fd00::1', 'eth0 fd00::2 tentative'],
    internalIps: ['fd00::2'],
    inUse: ['fd00::1'],
    families: ['ipv6'],
    found: ['fd00::1 eth0 1500: in use before: no link of this node has its InternalIP fd00::2'],
    kept: [
      'no link of this node has its InternalIP fd00::2: fd00::1 on eth0, which was in use, stays so',
    ],
  },
  {
    name: 'goes on with what its device sends by, when nothing was published yet',
    kernel: ['eth0 10.0.0.5'],
    internalIps: ['10.9.9.9'],
    vxlanLocal: '10.0.0.5',
    found: ['10.0.0.5 eth0 1500: in use before: no link of this node has its InternalIP 10.9.9.9'],
    kept: [
      'no link of this node has its InternalIP 10.9.9.9: 10.0.0.5 on eth0, which was in use, stays so',
    ],
  },
  {
    name: 'does not go on with what it has no longer',
    kernel: ['eth0 10.0.0.5'],
    internalIps: ['10.9.9.9'],
    inUse: ['10.0.0.4'],
    found: [],
    problems: ['no link of this node has its InternalIP 10.9.9.9: IPv4 is not served here'],
  },
  {
    name: 'follows the InternalIP as soon as the node has it',
    kernel: ['eth0 10.0.0.5', 'eth0 10.0.0.6'],
    internalIps: ['10.0.0.6'],
    inUse: ['10.0.0.5'],
    found: ['10.0.0.6 eth0 1500: InternalIP'],
  },
];

const NO_ROUTE = 'no --node-ip is given and no default route for IPv4 has an address of this node';

const ETCD: readonly UnderlayCase[] = [
  {
    name: 'takes --node-ip, and nothing that the datastore says',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    internalIps: ['192.168.1.11'],
    wish: { nodeIps: ['10.0.0.5'] },
    found: ['10.0.0.5 eth1 9000: --node-ip'],
  },
  {
    name: 'says which --node-ip no link has',
    kernel: ['eth0 192.168.1.11'],
    wish: { nodeIps: ['10.0.0.5'] },
    found: [],
    problems: ['no link of this node has --node-ip 10.0.0.5: IPv4 is not served here'],
  },
  {
    name: 'takes without --node-ip the address that the default route is used with',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5', 'eth1 10.0.0.6'],
    internalIps: ['192.168.1.11'],
    wish: { nodeIps: [] },
    lookups: {
      '192.0.2.1': {
        kind: 'gateway',
        link: 'eth1',
        gateway: '10.0.0.1' as Ip,
        source: '10.0.0.6' as Ip,
      },
    },
    found: ['10.0.0.6 eth1 9000: the default route'],
  },
  {
    name: 'the default route of one family, and --node-ip of the other',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5', 'eth1 fd00::5', 'eth0 fd00::1'],
    wish: { nodeIps: ['192.168.1.11'] },
    lookups: {
      '2001:db8::1': {
        kind: 'gateway',
        link: 'eth1',
        gateway: 'fe80::1' as Ip,
        source: 'fd00::5' as Ip,
      },
    },
    families: FAMILIES,
    found: ['192.168.1.11 eth0 1500: --node-ip', 'fd00::5 eth1 9000: the default route'],
  },
  {
    name: 'a family without a default route follows the other',
    kernel: ['eth1 10.0.0.5', 'eth1 fd00::5'],
    wish: { nodeIps: [] },
    lookups: {
      '192.0.2.1': { kind: 'onlink', link: 'eth1', source: '10.0.0.5' as Ip },
      '2001:db8::1': { kind: 'unreachable' },
    },
    families: FAMILIES,
    found: [
      '10.0.0.5 eth1 9000: the default route',
      'fd00::5 eth1 9000: on the link of the IPv4 address',
    ],
  },
  {
    name: 'without a default route what was in use goes on',
    kernel: ['eth1 10.0.0.5'],
    wish: { nodeIps: [] },
    inUse: ['10.0.0.5'],
    lookups: { '192.0.2.1': { kind: 'unreachable' } },
    found: [`10.0.0.5 eth1 9000: in use before: ${NO_ROUTE}`],
    kept: [`${NO_ROUTE}: 10.0.0.5 on eth1, which was in use, stays so`],
  },
  {
    name: '--iface goes before --node-ip',
    kernel: ['eth0 192.168.1.11', 'eth1 10.0.0.5'],
    wish: { nodeIps: ['192.168.1.11'], interfaces: ['eth1'] },
    found: ['10.0.0.5 eth1 9000: --iface "eth1"'],
  },
];

describeUnderlay('by the InternalIP', INTERNAL);
describeUnderlay('with etcd', ETCD);

test('only those routes are looked up that a rule needs', () => {
  const canReach = ['10.1.0.1' as Ip];
  const asked = (wish: Partial<UnderlayWish>) => lookupsFor({ ...NO_WISH, ...wish }, FAMILIES);
  assert.deepEqual(asked({}), []);
  assert.deepEqual(asked({ canReach }), canReach);
  assert.deepEqual(asked({ nodeIps: ['10.0.0.5' as Ip] }).map(familyOf), ['ipv6']);
  assert.deepEqual(asked({ nodeIps: [] }).map(familyOf), ['ipv4', 'ipv6']);
  assert.deepEqual(asked({ nodeIps: [], interfaces: ['eth0'] }), []);
});
