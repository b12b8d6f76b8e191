// Peers of which a subnet is known in a family that they do not serve.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cidr } from '../../../src/net/cidr.ts';
import { advertOf, configOf, nodeOf } from '../../fake/cluster.ts';
import { localOf, NETWORK, run } from '../../fake/desired.ts';

test('a podCIDR of a family that its node neither serves nor needs is no path, and no problem', () => {
  const both = configOf({ ...NETWORK, EnableIPv6: true, IPv6Network: 'fd00::/48' });
  const subnets = ['10.244.2.0/24', 'fd00:0:0:2::/64'] as Cidr[];
  const local = localOf({ neededFamilies: ['ipv4', 'ipv6'] });
  const pathsTo = (families: ('ipv4' | 'ipv6')[]): string[] =>
    run(
      both,
      [nodeOf(1), nodeOf(2, { subnets, advert: advertOf(2, { families }) })],
      local,
    ).paths.map(({ family, used }) => `${family} ${used}`);
  assert.deepEqual(pathsTo(['ipv4']), ['ipv4 vxlan']);
  assert.deepEqual(pathsTo(['ipv4', 'ipv6']), ['ipv4 vxlan', 'ipv6 none']);
});
