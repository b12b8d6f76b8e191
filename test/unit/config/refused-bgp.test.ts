// What `BGP` refuses, with the whole message that users read. Filters of peers are in a file
// beside this one.

import type { Refusal } from './refusals.ts';
import { checkRefusals, NETWORK } from './refusals.ts';

const bgp = (text: string): string => `{${NETWORK}, "BGP": ${text}}`;
const peers = (...texts: readonly string[]): string => bgp(`{"Peers": [${texts.join(', ')}]}`);
const TOR = '"Address": "192.168.1.1", "AS": 65001';

const AS_RIGHT = 'must be a whole number from 1 to 4294967294 except 23456 and 65535, as 64512';

const WITHOUT_ROUTES =
  'BGP.FullMesh = false: leaves the nodes without routes to each other, since no peer may bring any: set AcceptPods to true in the Peers that know them, or set FullMesh to true, or give RouteReflectors';

const REFUSED: readonly Refusal[] = [
  // Keys
  {
    name: 'a key that nobody knows, with the nearest one',
    text: bgp('{"FulMesh": true, "Peer": []}'),
    problems: [
      'BGP.FulMesh = true: is no key here: did you mean "FullMesh"?',
      'BGP.Peer = []: is no key here: did you mean "Peers"?',
    ],
  },
  {
    name: 'a key of a peer that nobody knows',
    text: peers(`{${TOR}, "MultiHops": 2}`),
    problems: ['BGP.Peers[0].MultiHops = 2: is no key here: did you mean "Multihop"?'],
  },
  {
    name: 'a key that is like none',
    text: bgp('{"BFD": {"Frequency": 1}}'),
    problems: ['BGP.BFD.Frequency = 1: is no key here; the keys are IntervalMs, Multiplier'],
  },
  {
    name: 'a password as text, which is not shown',
    text: peers(`{${TOR}, "Password": "secret"}`, `{${TOR}, "PasswordSecret": "secret"}`),
    problems: [
      'BGP.Peers[0].Password: is no key here: did you mean "PasswordSecret"?',
      'BGP.Peers[1].PasswordSecret: must be an object, for example {"Name": "bgp-passwords", "Key": "tor-a"}',
    ],
  },
  {
    name: 'a password inside of something that is shown',
    text: bgp('{"Peers": {"Password": "secret"}}'),
    problems: [
      'BGP.Peers = {"Password":"…"}: must be a list of objects as {"Address": "192.168.1.1", "AS": 64512}',
    ],
  },
  {
    name: 'a key twice, in another case',
    text: bgp('{"AS": 64512,\n"as": 64513}'),
    problems: [
      'BGP.as: is the same key as "AS" (lines 1 and 2; case does not matter): remove one of them',
    ],
  },
  {
    name: 'a list where an object belongs',
    text: bgp('[]'),
    problems: ['BGP = []: must be an object, for example {"AS": 64512, "FullMesh": true}'],
  },
  // AS numbers
  ...[0, 23_456, 65_535, 4_294_967_295].map(
    (number): Refusal => ({
      name: `AS ${number}`,
      text: bgp(`{"AS": ${number}}`),
      problems: [
        number === 23_456 || number === 65_535
          ? `BGP.AS = ${number}: is reserved and never that of a router: it ${AS_RIGHT}`
          : `BGP.AS = ${number}: ${AS_RIGHT}`,
      ],
    }),
  ),
  {
    name: 'an AS number as text',
    text: bgp('{"AS": "64512"}'),
    problems: [`BGP.AS = "64512": ${AS_RIGHT}`],
  },
  {
    name: 'a peer without AS',
    text: peers('{"Address": "192.168.1.1"}'),
    problems: [`BGP.Peers[0].AS: is needed, and ${AS_RIGHT}`],
  },
  {
    name: 'a peer of a reserved AS',
    text: peers('{"Address": "192.168.1.1", "AS": 65535}'),
    problems: [`BGP.Peers[0].AS = 65535: is reserved and never that of a router: it ${AS_RIGHT}`],
  },
  {
    name: 'AS numbers of no nodes, and of nodes that have one',
    text: bgp(
      '{"NodeAS": [{"AS": 1}, {"AS": 2, "NodeNames": ["a"]}, {"AS": 3, "NodeNames": ["b", "a"]}, ' +
        '{"AS": 4, "NodeSelector": "x"}, {"AS": 5, "NodeSelector": "x"}]}',
    ),
    problems: [
      'BGP.NodeAS[0] = {"AS":1}: names no nodes: give it NodeSelector or NodeNames; of all nodes it is BGP.AS',
      'BGP.NodeAS[2].NodeNames[1] = "a": has its AS number from BGP.NodeAS[1] already: name it once',
      'BGP.NodeAS[4].NodeSelector = "x": is that of BGP.NodeAS[3] too: only the first one counts',
    ],
  },
  // Nodes
  {
    name: 'both ways to choose nodes',
    text: peers(`{${TOR}, "NodeSelector": "rack=r1", "NodeNames": ["a"]}`),
    problems: [
      'BGP.Peers[0].NodeNames = ["a"]: cannot stand beside NodeSelector: keep one of them',
    ],
  },
  {
    name: 'no names',
    text: peers(`{${TOR}, "NodeNames": []}`),
    problems: ['BGP.Peers[0].NodeNames = []: must name a node: without the key it is for all'],
  },
  {
    name: 'a selector of another language',
    text: peers(`{${TOR}, "NodeSelector": "rack in (r1, r2)"}`),
    problems: [
      'BGP.Peers[0].NodeSelector = "rack in (r1, r2)": must be terms as of kubectl, with commas: "rack=r1", "rack!=r1", "edge" or "!edge"',
    ],
  },
  {
    name: 'a selector by the hostname',
    text: peers(`{${TOR}, "NodeSelector": "kubernetes.io/hostname=a"}`),
    problems: [
      'BGP.Peers[0].NodeSelector = "kubernetes.io/hostname=a": cannot use kubernetes.io/hostname: name the nodes in NodeNames',
    ],
  },
  {
    name: 'a name that is none',
    text: peers(`{${TOR}, "NodeNames": ["a\\"; }"]}`),
    problems: [
      'BGP.Peers[0].NodeNames[0] = "a\\"; }": must be the name of a node, for example "node-1"',
    ],
  },
  {
    name: 'reflectors without a label or a name',
    text: bgp('{"RouteReflectors": {"ClusterID": "10.0.0.1"}}'),
    problems: [
      'BGP.RouteReflectors = {"ClusterID":"10.0.0.1"}: names no nodes: give it NodeSelector or NodeNames, as {"NodeNames": ["node-1"]}',
    ],
  },
  {
    name: 'a cluster id that is none',
    text: bgp('{"RouteReflectors": {"NodeSelector": "x", "ClusterID": "fd00::1"}}'),
    problems: [
      'BGP.RouteReflectors.ClusterID = "fd00::1": must be four numbers as of an IPv4 address, but not 0.0.0.0, for example "10.0.0.1"',
    ],
  },
  {
    name: 'nodes without any session',
    text: bgp('{"FullMesh": false}'),
    problems: [
      'BGP.FullMesh = false: leaves the nodes without sessions: set it to true, or give RouteReflectors or Peers',
    ],
  },
  {
    name: 'nodes that no peer may tell of each other',
    text: bgp(`{"FullMesh": false, "Peers": [{${TOR}}]}`),
    problems: [WITHOUT_ROUTES],
  },
  {
    name: 'the same, where a filter takes what is outside of the pod network, or all of it away',
    text: bgp(
      `{"FullMesh": false, "Peers": [{${TOR}, "ImportFilter": [` +
        '{"Action": "accept", "Prefix": "0.0.0.0/0"}, ' +
        '{"Action": "accept", "Prefix": "172.20.0.0/16", "MaxLength": 24}]}, ' +
        '{"Address": "192.168.1.2", "AS": 65002, "AcceptPods": true, "ImportFilter": [' +
        '{"Action": "reject", "Prefix": "10.0.0.0/8", "MaxLength": 32}, ' +
        '{"Action": "accept", "Prefix": "0.0.0.0/0", "MaxLength": 32}]}, ' +
        '{"Address": "fd00:1::1", "AS": 65002, "AcceptPods": true}]}',
    ),
    problems: [WITHOUT_ROUTES],
  },
  // Peers
  {
    name: 'a peer without address',
    text: peers('{"AS": 65001}'),
    problems: ['BGP.Peers[0].Address: must be an IP address in quotes, for example "192.168.1.1"'],
  },
  {
    name: 'an address that is none',
    text: peers('{"Address": "192.168.1.1/24", "AS": 65001}'),
    problems: [
      'BGP.Peers[0].Address = "192.168.1.1/24": must be an IP address, for example "192.168.1.1"',
    ],
  },
  {
    name: 'addresses that no router has',
    text: peers('{"Address": "fe80::1", "AS": 1}', '{"Address": "10.244.3.1", "AS": 1}'),
    problems: [
      'BGP.Peers[0].Address = "fe80::1": is reserved for link-local addresses: take the address at which the router is reached',
      'BGP.Peers[1].Address = "10.244.3.1": is inside 10.244.0.0/16, the range of the pods: a peer is a router outside of it',
    ],
  },
  {
    name: 'two peers with one address, for all nodes',
    text: peers(`{${TOR}}`, `{${TOR}, "Name": "b"}`),
    problems: [
      'BGP.Peers[1].Address = "192.168.1.1": is that of BGP.Peers[0] too, and both are for the same nodes: remove one, or give each its own nodes by NodeNames',
    ],
  },
  {
    name: 'two peers with one address, for one node',
    text: peers(`{${TOR}, "NodeNames": ["a", "b"]}`, `{${TOR}, "NodeNames": ["b", "c"]}`),
    problems: [
      'BGP.Peers[1].Address = "192.168.1.1": is that of BGP.Peers[0] too, and both are for the same nodes: remove one, or give each its own nodes by NodeNames',
    ],
  },
  {
    name: 'two peers with one name',
    text: peers(`{${TOR}, "Name": "tor"}`, '{"Address": "192.168.1.2", "AS": 1, "Name": "tor"}'),
    problems: [
      'BGP.Peers[1].Name = "tor": is that of BGP.Peers[0] too: give each peer its own name',
    ],
  },
  {
    name: 'a hop that is none',
    text: peers(`{${TOR}, "Multihop": 1}`),
    problems: ['BGP.Peers[0].Multihop = 1: must be 0, or a whole number from 2 to 255'],
  },
  {
    name: 'a source address of many nodes, and of another family',
    text: peers(
      `{${TOR}, "SourceAddress": "192.168.1.9"}`,
      '{"Address": "192.168.1.2", "AS": 1, "NodeNames": ["a"], "SourceAddress": "fd00::9"}',
    ),
    problems: [
      'BGP.Peers[0].SourceAddress = "192.168.1.9": is an address of one node: name this node alone in NodeNames',
      'BGP.Peers[1].SourceAddress = "fd00::9": is IPv6: it must be IPv4, as the peer\'s address',
    ],
  },
  {
    name: 'a Secret without its key, and a bad name of one',
    text: peers(`{${TOR}, "PasswordSecret": {"Name": "B/C"}}`),
    problems: [
      'BGP.Peers[0].PasswordSecret.Name: must be the name of a Secret: lower-case letters, digits, "-" and "."',
      'BGP.Peers[0].PasswordSecret.Key: must be a key in quotes, for example "tor-a"',
    ],
  },
  {
    name: 'a peer to exchange nothing with',
    text: peers(`{${TOR}, "AnnouncePods": false}`),
    problems: [
      'BGP.Peers[0] = "192.168.1.1": exchanges nothing with this node: set AcceptPods or AnnouncePods, or remove the peer',
    ],
  },
  // Communities and services
  {
    name: 'communities that are none',
    text: bgp('{"Communities": ["64512", "70000:1", "1:2:3:4"]}'),
    problems: [
      'BGP.Communities[0] = "64512": must be two numbers, as in "64512:100", or three, as in "64512:1:2"',
      'BGP.Communities[1] = "70000:1": takes numbers up to 65535: with larger ones write three, as "4200000000:1:2"',
      'BGP.Communities[2] = "1:2:3:4": must be two numbers, as in "64512:100", or three, as in "64512:1:2"',
    ],
  },
  {
    name: 'service ranges among the pods, twice, or reserved',
    text: bgp(
      '{"ServiceRanges": {"ClusterIP": ["10.244.0.0/20", "10.96.0.0/12"], ' +
        '"External": ["10.96.0.0/12"], "LoadBalancer": ["224.0.0.0/8"]}}',
    ),
    problems: [
      'BGP.ServiceRanges.ClusterIP[0] = "10.244.0.0/20": overlaps 10.244.0.0/16, the range of the pods: services have others',
      'BGP.ServiceRanges.External[0] = "10.96.0.0/12": is given twice: it is BGP.ServiceRanges.ClusterIP[1] too',
      'BGP.ServiceRanges.LoadBalancer[0] = "224.0.0.0/8": overlaps 224.0.0.0/4, which is reserved for multicast',
    ],
  },
  // Numbers
  {
    name: 'times and counts out of range',
    text: bgp(
      '{"GracefulRestart": {"RestartSeconds": 4096, "WaitSeconds": 0}, "BFD": {"Multiplier": 1}, "ECMPPaths": 65, "Port": 0}',
    ),
    problems: [
      'BGP.Port = 0: must be a whole number from 1 to 65535',
      'BGP.GracefulRestart.WaitSeconds = 0: must be a whole number from 1 to 3600',
      'BGP.GracefulRestart.RestartSeconds = 4096: must be a whole number from 1 to 4095',
      'BGP.BFD.Multiplier = 1: must be a whole number from 2 to 50',
      'BGP.ECMPPaths = 65: must be a whole number from 1 to 64',
    ],
  },
];

checkRefusals('settings of BGP that are wrong say what would be right', REFUSED);
