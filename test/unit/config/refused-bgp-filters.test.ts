// Filters of peers that are refused, with the whole message that users read.

import type { Refusal } from './refusals.ts';
import { checkRefusals, NETWORK } from './refusals.ts';

const TOR = '"Address": "192.168.1.1", "AS": 65001';
const withFilter = (key: string, rules: string): string =>
  `{${NETWORK}, "BGP": {"Peers": [{${TOR}, "${key}": ${rules}}]}}`;
const importing = (rules: string): string => withFilter('ImportFilter', rules);
const exporting = (rules: string): string => withFilter('ExportFilter', rules);

const REFUSED: readonly Refusal[] = [
  {
    name: 'a prefix that does not parse, or has host bits',
    text: importing(
      '[{"Action": "accept", "Prefix": "10.0.0.0"}, {"Action": "accept", "Prefix": "10.0.0.1/8"}]',
    ),
    problems: [
      'BGP.Peers[0].ImportFilter[0].Prefix = "10.0.0.0": has no prefix length: write for example "10.0.0.0/32" for this one address',
      'BGP.Peers[0].ImportFilter[1].Prefix = "10.0.0.1/8": has bits set after the first 8: the network would be "10.0.0.0/8"',
    ],
  },
  {
    name: 'an action that is none',
    text: importing('[{"Action": "drop"}]'),
    problems: ['BGP.Peers[0].ImportFilter[0].Action = "drop": must be "accept" or "reject"'],
  },
  {
    name: 'a filter that rejects everything',
    text: importing('[{"Action": "reject"}]'),
    problems: [
      'BGP.Peers[0].ImportFilter = [{"Action":"reject","Communities":[]}]: rejects everything: accept something, or set AcceptPods to true, or leave it out',
    ],
  },
  {
    name: 'a filter that rejects all that would be accepted',
    text: `{${NETWORK}, "BGP": {"Peers": [{${TOR}, "AcceptPods": true, "ImportFilter": [{"Action": "reject", "Prefix": "10.0.0.0/8", "MaxLength": 32}]}]}}`,
    problems: [
      'BGP.Peers[0].ImportFilter = [{"Action":"reject","Prefix":"10.0.0.0/8","MaxLength":32,"Co…: rejects everything: accept something, or leave it out and set AcceptPods to false',
    ],
  },
  {
    name: 'a filter that rejects all that would be told',
    text: exporting('[{"Action": "reject"}]'),
    problems: [
      'BGP.Peers[0].ExportFilter = [{"Action":"reject","Communities":[]}]: rejects everything: accept something, or leave it out and set AnnouncePods and AnnounceServices to false',
    ],
  },
  {
    name: 'a rule that is shadowed by one before',
    text: importing(
      '[{"Action": "accept", "Prefix": "172.16.0.0/12", "MaxLength": 24}, {"Action": "reject", "Prefix": "172.20.0.0/16"}]',
    ),
    problems: [
      'BGP.Peers[0].ImportFilter[1] = {"Action":"reject","Prefix":"172.20.0.0/16","Communities":[]…: can never decide: rule 0 takes all that it is for; put it before, or away',
    ],
  },
  {
    name: 'a rule of another family than the peer',
    text: importing('[{"Action": "accept", "Prefix": "fd00::/8"}]'),
    problems: [
      'BGP.Peers[0].ImportFilter[0].Prefix = "fd00::/8": is IPv6, but the session with this peer carries IPv4, as its address is',
    ],
  },
  {
    name: 'lengths that cannot be',
    text: importing(
      '[{"Action": "accept", "Prefix": "172.20.0.0/16", "MinLength": 8}, ' +
        '{"Action": "accept", "Prefix": "172.20.0.0/16", "MaxLength": 64}, ' +
        '{"Action": "accept", "Prefix": "172.20.0.0/16", "MinLength": 30, "MaxLength": 20}, ' +
        '{"Action": "accept", "MinLength": 30}]',
    ),
    problems: [
      'BGP.Peers[0].ImportFilter[0].MinLength = 8: must be 16 to 32, as it is inside 172.20.0.0/16',
      'BGP.Peers[0].ImportFilter[1].MaxLength = 64: must be 16 to 32, as it is inside 172.20.0.0/16',
      'BGP.Peers[0].ImportFilter[2].MinLength = 30: must not be above MaxLength, which is 20',
      'BGP.Peers[0].ImportFilter[3].MinLength = 30: needs a Prefix: it is for routes inside of one',
    ],
  },
  {
    name: 'a preference of what is rejected',
    text: importing('[{"Action": "reject", "Prefix": "172.20.0.0/16", "Preference": 1}]'),
    problems: [
      'BGP.Peers[0].ImportFilter[0].Preference = 1: belongs to rules that accept: what is rejected has none',
    ],
  },
  {
    name: 'a preference of what is told',
    text: exporting('[{"Action": "accept", "Preference": 1}]'),
    problems: [
      'BGP.Peers[0].ExportFilter[0].Preference = 1: is no key here; the keys are Action, Prefix, MinLength, MaxLength, Communities',
    ],
  },
];

checkRefusals('filters of BGP peers that are wrong say what would be right', REFUSED);
