// Nodes that speak BGP, for tests: settings as users write them, and a small cluster on one or
// several networks. Node n has 192.168.77.(10 + n) and fd77::(10 + n), and the subnets
// 10.244.n.0/24 and fd00:10:244:n::/64.

import assert from 'node:assert/strict';
import type {
  LocalAddress,
  PodNetwork,
  SpeakerInput,
  SpeakerNode,
} from '../../src/bgp/speaker-types.ts';
import type { BgpSettings } from '../../src/config/bgp-settings.ts';
import { parseConfig } from '../../src/config/parse.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { parseCidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { parseIp } from '../../src/net/ip.ts';

export const ip = (text: string): Ip => parseIp(text) ?? assert.fail(`no address: ${text}`);
export const cidr = (text: string): Cidr => parseCidr(text) ?? assert.fail(`no network: ${text}`);

export const NET_CONF = {
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00:10:244::/48',
  Backend: { Type: 'bgp' },
};

export function bgpSettings(bgp: object): BgpSettings {
  const text = JSON.stringify({ ...NET_CONF, BGP: bgp });
  const parsed = parseConfig(text);
  assert.equal(parsed.kind, 'ok', JSON.stringify(parsed));
  return parsed.kind === 'ok' ? parsed.config.bgp : assert.fail();
}

export const NETWORKS: readonly PodNetwork[] = [
  { family: 'ipv4', network: cidr('10.244.0.0/16'), subnetLengthBits: 24 },
  { family: 'ipv6', network: cidr('fd00:10:244::/48'), subnetLengthBits: 64 },
];

export const subnetsOf = (number: number): readonly Cidr[] => [
  cidr(`10.244.${number}.0/24`),
  cidr(`fd00:10:244:${number.toString(16)}::/64`),
];

export const addressesOf = (number: number): readonly Ip[] => [
  ip(`192.168.77.${10 + number}`),
  ip(`fd77::${(10 + number).toString(16)}`),
];

export const speakerNode = (number: number, more: Partial<SpeakerNode> = {}): SpeakerNode => ({
  name: `node-${number}`,
  labels: {},
  subnets: subnetsOf(number),
  addresses: addressesOf(number),
  ...more,
});

const onLink = (address: Ip): LocalAddress => ({
  ...{ link: 'eth0', address },
  lengthBits: address.includes(':') ? 64 : 24,
});

/** Node 1 of `count`; `more` replaces what a test is about. */
export function speakerInput(
  settings: BgpSettings,
  count: number,
  more: Partial<SpeakerInput> = {},
): SpeakerInput {
  const numbers = Array.from({ length: count - 1 }, (_, index) => index + 2);
  return {
    settings,
    networks: NETWORKS,
    self: { name: 'node-1', labels: {}, subnets: subnetsOf(1) },
    underlays: addressesOf(1).map(onLink),
    addresses: addressesOf(1).map(onLink),
    nodes: numbers.map((number) => speakerNode(number)),
    ...more,
  };
}
