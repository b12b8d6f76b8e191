// Texts, keys, backends and plain values that are refused, with the whole message that users read.

import type { Refusal } from './refusals.ts';
import { checkRefusals, NETWORK, V6_ON, withBackend } from './refusals.ts';

const REFUSED: readonly Refusal[] = [
  // The text
  { name: 'nothing', text: '', problems: ['the configuration is empty'] },
  { name: 'blanks', text: ' \n', problems: ['the configuration is empty'] },
  {
    name: 'a comma too many',
    text: '{\n  "Network": "10.244.0.0/16",\n}',
    problems: ["the configuration is not JSON: line 3, column 1: no comma may stand before '}'"],
  },
  {
    name: 'a comma too few',
    text: '{\n  "Network": "10.244.0.0/16"\n  "SubnetLen": 24\n}',
    problems: [
      'the configuration is not JSON: line 3, column 3: ' +
        'expected \',\' or \'}\' after the value of "Network", but found "\\""',
    ],
  },
  {
    name: 'a text that ends too early',
    text: '{"Network": "10.244.0.0/16"',
    problems: [
      'the configuration is not JSON: line 1, column 28: ' +
        "expected ',' or '}' after the value of \"Network\", but the text ends",
    ],
  },
  {
    name: 'single quotes',
    text: `{"Network": '10.244.0.0/16'}`,
    problems: [
      'the configuration is not JSON: line 1, column 13: ' +
        'strings stand in double quotes ("), not in (\')',
    ],
  },
  {
    name: 'a comment',
    text: '{\n  // pods\n}',
    problems: [
      'the configuration is not JSON: line 2, column 3: ' +
        'expected a key in double quotes, but found "/"',
    ],
  },
  {
    name: 'a list',
    text: '["10.244.0.0/16"]',
    problems: ['["10.244.0.0/16"]: must be an object, for example {"Network": "10.244.0.0/16"}'],
  },
  {
    name: 'a bare null',
    text: 'null',
    problems: ['null: must be an object, for example {"Network": "10.244.0.0/16"}'],
  },
  // Keys
  {
    name: 'a key twice',
    text: `{${NETWORK},\n"Network": "10.245.0.0/16"}`,
    problems: ['Network: is given twice (lines 1 and 2; case does not matter): remove one of them'],
  },
  {
    name: 'a key twice in different case',
    text: `{${NETWORK}, "Backend": {"VNI": 1,\n"vni": 2}}`,
    problems: [
      'Backend.vni: is the same key as "VNI" ' +
        '(lines 1 and 2; case does not matter): remove one of them',
    ],
  },
  {
    name: 'a mistyped key',
    text: '{"Netwrok": "10.244.0.0/16"}',
    problems: ['Netwrok = "10.244.0.0/16": is no key here: did you mean "Network"?'],
  },
  {
    name: 'a key that nobody knows',
    text: `{${NETWORK}, "Colour": "blue"}`,
    problems: [
      'Colour = "blue": is no key here; the keys are Network, IPv6Network, EnableIPv4, ' +
        'EnableIPv6, EnableNFTables, SubnetLen, SubnetMin, SubnetMax, IPv6SubnetLen, ' +
        'IPv6SubnetMin, IPv6SubnetMax, SubnetSource, MaxSubnetsPerNode, Backend, Masquerade, ' +
        'MasqueradeExclude, ForwardRules, BGP',
    ],
  },
  {
    name: 'a key of the backend at the top',
    text: `{${NETWORK}, "vni": 5}`,
    problems: ['vni = 5: is no key here: it belongs into "Backend"'],
  },
  {
    name: 'a key of the top in the backend',
    text: withBackend('{"Masquerade": false}'),
    problems: ['Backend.Masquerade = false: is no key here: it belongs beside "Backend"'],
  },
  {
    name: 'a key of vxlan under host-gw',
    text: withBackend('{"Type": "host-gw", "VNI": 5}'),
    problems: ['Backend.VNI = 5: is a key of backend vxlan, auto, bgp, not of host-gw: remove it'],
  },
  {
    name: 'a mistyped key in the backend',
    text: withBackend('{"DirectRoutng": true}'),
    problems: ['Backend.DirectRoutng = true: is no key here: did you mean "DirectRouting"?'],
  },
  // Backend types
  ...['wireguard', 'udp', 'ipip', 'ipsec', 'alloc', 'extension', 'tencent-vpc'].map((type) => ({
    name: `Flannel’s backend ${type}`,
    text: withBackend(`{"Type": "${type}"}`),
    problems: [
      `Backend.Type = "${type}": is a backend of Flannel that Poplin does not have; ` +
        'it has "vxlan" or "host-gw" or "auto" or "bgp"',
    ],
  })),
  {
    name: 'a mistyped backend',
    text: withBackend('{"Type": "hostgw"}'),
    problems: ['Backend.Type = "hostgw": is no backend: did you mean "host-gw"?'],
  },
  {
    name: 'a backend that nobody knows',
    text: withBackend('{"Type": "carrier-pigeon"}'),
    problems: [
      'Backend.Type = "carrier-pigeon": is no backend: must be "vxlan" or "host-gw" or "auto" or "bgp"',
    ],
  },
  {
    name: 'a backend type that is a number',
    text: withBackend('{"Type": 1}'),
    problems: ['Backend.Type = 1: must be "vxlan" or "host-gw" or "auto" or "bgp"'],
  },
  {
    name: 'a backend that is a string',
    text: withBackend('"vxlan"'),
    problems: ['Backend = "vxlan": must be an object, for example {"Type": "vxlan"}'],
  },
  // Numbers and booleans
  {
    name: 'VNI 0',
    text: withBackend('{"VNI": 0}'),
    problems: ['Backend.VNI = 0: must be a whole number from 1 to 16777215'],
  },
  {
    name: 'a VNI of 25 bits',
    text: withBackend('{"VNI": 16777216}'),
    problems: ['Backend.VNI = 16777216: must be a whole number from 1 to 16777215'],
  },
  {
    name: 'a VNI in quotes',
    text: withBackend('{"VNI": "5"}'),
    problems: ['Backend.VNI = "5": must be a whole number from 1 to 16777215, without quotes'],
  },
  {
    name: 'a port that is too large',
    text: withBackend('{"Port": 65536}'),
    problems: ['Backend.Port = 65536: must be a whole number from 0 to 65535'],
  },
  {
    name: 'a broken number',
    text: withBackend('{"Port": 8472.5}'),
    problems: ['Backend.Port = 8472.5: must be a whole number from 0 to 65535'],
  },
  {
    name: 'a number beyond all integers',
    text: withBackend('{"Port": 1e300}'),
    problems: ['Backend.Port = 1e+300: must be a whole number from 0 to 65535'],
  },
  {
    name: 'an MTU that is too small',
    text: withBackend('{"MTU": 500}'),
    problems: ['Backend.MTU = 500: must be 0, or a whole number from 576 to 65535'],
  },
  {
    name: 'an MTU in quotes',
    text: withBackend('{"MTU": "1450"}'),
    problems: [
      'Backend.MTU = "1450": must be 0, or a whole number from 576 to 65535, without quotes',
    ],
  },
  {
    name: 'an MTU that is too small for IPv6',
    text: `{${NETWORK}, ${V6_ON}, "Backend": {"MTU": 1349}}`,
    problems: ['Backend.MTU = 1349: must be 1350 or more, since pods with IPv6 need 1280 bytes'],
  },
  {
    name: 'a boolean in quotes',
    text: `{${NETWORK}, "EnableIPv6": "true"}`,
    problems: ['EnableIPv6 = "true": must be true or false, without quotes'],
  },
  {
    name: 'a boolean that is a number',
    text: `{${NETWORK}, "Masquerade": 1}`,
    problems: ['Masquerade = 1: must be true or false'],
  },
  {
    name: 'ForwardRules that do not exist',
    text: `{${NETWORK}, "ForwardRules": "append"}`,
    problems: ['ForwardRules = "append": must be "own" or "insert"'],
  },
  // Several at once
  {
    name: 'several problems are told together',
    text: '{"Network": "10.244.1.0/16", "SubnetLen": "x", "Backend": {"VNI": 0, "Prt": 1}}',
    problems: [
      'Network = "10.244.1.0/16": has bits set after the first 16: ' +
        'the network would be "10.244.0.0/16"',
      'SubnetLen = "x": must be a whole number from 0 to 30',
      'Backend.VNI = 0: must be a whole number from 1 to 16777215',
      'Backend.Prt = 1: is no key here: did you mean "Port"?',
    ],
  },
];

checkRefusals('a text, key or value that is wrong says what would be right', REFUSED);
