// Sysctls: forwarding, no strict reverse-path filter, and no lost default route on IPv6.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Underlay } from '../../../src/backend/backend.ts';
import { wantedSysctls } from '../../../src/desired/sysctls.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { configOf } from '../../fake/cluster.ts';

const V4 = configOf({ Network: '10.244.0.0/16' });
const V6 = configOf({ EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00::/48' });
const UNDERLAYS: readonly Underlay[] = [
  { family: 'ipv4', link: 'eth0', address: '192.168.1.1' as Ip, mtuBytes: 1500 },
];

function wanted(config: typeof V4, current: Readonly<Record<string, string>>): string[] {
  const links = { underlays: UNDERLAYS, ownLinks: ['poplin4-1'], birdLinks: [] };
  return [...wantedSysctls(config, links, new Map(Object.entries(current)))].map(
    ([path, value]) => `${path}=${value}`,
  );
}

describe('sysctls', () => {
  test('turn IPv4 forwarding on and touch no filter that is off', () =>
    assert.deepEqual(
      wanted(V4, { 'ipv4/conf/all/rp_filter': '0', 'ipv4/conf/eth0/rp_filter': '0' }),
      ['ipv4/ip_forward=1', 'ipv4/conf/poplin4-1/rp_filter=0'],
    ));

  test('make a strict filter on the underlay loose', () =>
    assert.deepEqual(
      wanted(V4, { 'ipv4/conf/all/rp_filter': '0', 'ipv4/conf/eth0/rp_filter': '1' }),
      ['ipv4/ip_forward=1', 'ipv4/conf/poplin4-1/rp_filter=0', 'ipv4/conf/eth0/rp_filter=2'],
    ));

  test('make filters loose that the `all` value makes strict', () =>
    assert.deepEqual(
      wanted(V4, { 'ipv4/conf/all/rp_filter': '1', 'ipv4/conf/eth0/rp_filter': '0' }),
      ['ipv4/ip_forward=1', 'ipv4/conf/poplin4-1/rp_filter=2', 'ipv4/conf/eth0/rp_filter=2'],
    ));

  test('keep router advertisements, before IPv6 forwarding would end them', () =>
    assert.deepEqual(wanted(V6, { 'ipv6/conf/eth0/accept_ra': '1' }), [
      'ipv6/conf/eth0/accept_ra=2',
      'ipv6/conf/all/forwarding=1',
    ]));

  test('do not start to accept router advertisements', () =>
    assert.deepEqual(wanted(V6, { 'ipv6/conf/eth0/accept_ra': '0' }), [
      'ipv6/conf/all/forwarding=1',
    ]));
});
