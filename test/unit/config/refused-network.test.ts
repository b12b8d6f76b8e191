// Networks, subnets and excludes that are refused, with the whole message that users read.

import type { Refusal } from './refusals.ts';
import { checkRefusals, NETWORK, V6_ON } from './refusals.ts';

const REFUSED: readonly Refusal[] = [
  {
    name: 'no Network',
    text: '{}',
    problems: ['Network: is needed while EnableIPv4 is true, for example "10.244.0.0/16"'],
  },
  {
    name: 'EnableIPv6 without a network',
    text: `{${NETWORK}, "EnableIPv6": true}`,
    problems: ['IPv6Network: is needed while EnableIPv6 is true, for example "fd00:10:244::/48"'],
  },
  {
    name: 'both families off',
    text: `{${NETWORK}, "EnableIPv4": false}`,
    problems: ['EnableIPv4 = false: EnableIPv6 is false too: at least one of them must be true'],
  },
  {
    name: 'a Network that is a number',
    text: '{"Network": 10}',
    problems: ['Network = 10: must be an IPv4 network in quotes, for example "10.244.0.0/16"'],
  },
  {
    name: 'host bits',
    text: '{"Network": "10.244.1.0/16"}',
    problems: [
      'Network = "10.244.1.0/16": has bits set after the first 16: ' +
        'the network would be "10.244.0.0/16"',
    ],
  },
  {
    name: 'host bits in IPv6',
    text: `{${NETWORK}, "IPv6Network": "fd00::1/48"}`,
    problems: [
      'IPv6Network = "fd00::1/48": has bits set after the first 48: ' +
        'the network would be "fd00::/48"',
    ],
  },
  {
    name: 'a prefix length beyond the address',
    text: '{"Network": "10.244.0.0/33"}',
    problems: ['Network = "10.244.0.0/33": has a prefix length over 32, the bits of IPv4'],
  },
  {
    name: 'no prefix length',
    text: '{"Network": "10.244.0.0"}',
    problems: [
      'Network = "10.244.0.0": has no prefix length: ' +
        'write for example "10.244.0.0/32" for this one address',
    ],
  },
  {
    name: 'an octal-looking address',
    text: '{"Network": "010.244.0.0/16"}',
    problems: [
      'Network = "010.244.0.0/16": must be a network as address/length, ' +
        'for example "10.244.0.0/16"',
    ],
  },
  {
    name: 'IPv6 under Network',
    text: '{"Network": "fd00::/48"}',
    problems: [
      'Network = "fd00::/48": is IPv6 and belongs under IPv6Network; ' +
        'Network takes IPv4, for example "10.244.0.0/16"',
    ],
  },
  {
    name: 'IPv4 under IPv6Network',
    text: `{${NETWORK}, "IPv6Network": "10.0.0.0/8"}`,
    problems: [
      'IPv6Network = "10.0.0.0/8": is IPv4 and belongs under Network; ' +
        'IPv6Network takes IPv6, for example "fd00:10:244::/48"',
    ],
  },
  {
    name: 'a Network that is too small',
    text: '{"Network": "10.244.0.0/29"}',
    problems: ['Network = "10.244.0.0/29": is too small: it must be a /28 or larger'],
  },
  {
    name: 'an IPv6Network that is too small',
    text: '{"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fd00::/125"}',
    problems: ['IPv6Network = "fd00::/125": is too small: it must be a /124 or larger'],
  },
  {
    name: 'multicast',
    text: '{"Network": "224.0.0.0/8"}',
    problems: [
      'Network = "224.0.0.0/8": overlaps 224.0.0.0/4, which is reserved for multicast: ' +
        'take a private range',
    ],
  },
  {
    name: 'everything',
    text: '{"Network": "0.0.0.0/0"}',
    problems: [
      'Network = "0.0.0.0/0": overlaps 0.0.0.0/8, which is reserved for "this host": ' +
        'take a private range',
    ],
  },
  {
    name: 'link-local IPv6',
    text: '{"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fe80::/48"}',
    problems: [
      'IPv6Network = "fe80::/48": overlaps fe80::/10, which is reserved for ' +
        'link-local addresses: take a private range',
    ],
  },
  // Subnets
  {
    name: 'a SubnetLen that is too long',
    text: `{${NETWORK}, "SubnetLen": 31}`,
    problems: ['SubnetLen = 31: must be a whole number from 0 to 30'],
  },
  {
    name: 'a SubnetLen in quotes',
    text: `{${NETWORK}, "SubnetLen": "24"}`,
    problems: ['SubnetLen = "24": must be a whole number from 0 to 30, without quotes'],
  },
  {
    name: 'a SubnetLen that is too short',
    text: `{${NETWORK}, "SubnetLen": 17}`,
    problems: [
      'SubnetLen = 17: must be 18 or more, so that 10.244.0.0/16 holds at least four subnets',
    ],
  },
  {
    name: 'an IPv6SubnetLen that is too long',
    text: `{${NETWORK}, "IPv6SubnetLen": 127}`,
    problems: ['IPv6SubnetLen = 127: must be a whole number from 0 to 126'],
  },
  {
    name: 'an IPv6SubnetLen that is too short',
    text: `{${NETWORK}, ${V6_ON}, "IPv6SubnetLen": 49}`,
    problems: [
      'IPv6SubnetLen = 49: must be 50 or more, so that fd00::/48 holds at least four subnets',
    ],
  },
  {
    name: 'a SubnetMin outside of the network',
    text: `{${NETWORK}, "SubnetMin": "10.245.0.0"}`,
    problems: ['SubnetMin = "10.245.0.0": must lie in Network, which is 10.244.0.0/16'],
  },
  {
    name: 'an IPv6SubnetMax outside of the network',
    text: `{${NETWORK}, ${V6_ON}, "IPv6SubnetMax": "fd01::"}`,
    problems: ['IPv6SubnetMax = "fd01::": must lie in IPv6Network, which is fd00::/48'],
  },
  {
    name: 'ends that are not aligned',
    text: `{${NETWORK}, "SubnetMin": "10.244.1.1", "SubnetMax": "10.244.9.128"}`,
    problems: [
      'SubnetMin = "10.244.1.1": is not where a /24 begins: ' +
        'the subnet around it begins at "10.244.1.0"',
      'SubnetMax = "10.244.9.128": is not where a /24 begins: ' +
        'the subnet around it begins at "10.244.9.0"',
    ],
  },
  {
    name: 'a SubnetMin above SubnetMax',
    text: `{${NETWORK}, "SubnetMin": "10.244.9.0", "SubnetMax": "10.244.3.0"}`,
    problems: ['SubnetMin = "10.244.9.0": must not be above SubnetMax, which is "10.244.3.0"'],
  },
  {
    name: 'a SubnetMin with a length',
    text: `{${NETWORK}, "SubnetMin": "10.244.1.0/24"}`,
    problems: [
      'SubnetMin = "10.244.1.0/24": takes an address without a length: write "10.244.1.0"',
    ],
  },
  {
    name: 'a SubnetMin of the other family',
    text: `{${NETWORK}, "SubnetMax": "fd00::"}`,
    problems: [
      'SubnetMax = "fd00::": is IPv6 and belongs under IPv6SubnetMax; ' +
        'SubnetMax takes IPv4, for example "10.244.1.0"',
    ],
  },
  {
    name: 'a SubnetMin that is no address',
    text: `{${NETWORK}, "SubnetMin": "first"}`,
    problems: ['SubnetMin = "first": must be an IPv4 address, for example "10.244.1.0"'],
  },
  // Excludes
  {
    name: 'an exclude without a length',
    text: `{${NETWORK}, "MasqueradeExclude": ["10.0.0.0/8", "192.168.1.1"]}`,
    problems: [
      'MasqueradeExclude[1] = "192.168.1.1": has no prefix length: ' +
        'write for example "192.168.1.1/32" for this one address',
    ],
  },
  {
    name: 'an exclude that is no network',
    text: `{${NETWORK}, "MasqueradeExclude": ["intranet"]}`,
    problems: [
      'MasqueradeExclude[0] = "intranet": must be a network as address/length, ' +
        'for example "10.0.0.0/8"',
    ],
  },
  {
    name: 'excludes that are no list',
    text: `{${NETWORK}, "MasqueradeExclude": "10.0.0.0/8"}`,
    problems: [
      'MasqueradeExclude = "10.0.0.0/8": must be a list of networks, for example ["10.0.0.0/8"]',
    ],
  },
  {
    name: 'more excludes than anybody needs',
    text: `{${NETWORK}, "MasqueradeExclude": [${Array(257).fill('"10.0.0.0/8"')}]}`,
    problems: [
      'MasqueradeExclude = ["10.0.0.0/8","10.0.0.0/8","10.0.0.0/8","10.0.0.0/8","10.0.0…: ' +
        'must have at most 256 entries',
    ],
  },
];

checkRefusals('a network that is wrong says what would be right', REFUSED);
