// bird.conf for BIRD 2, both families in one process. It holds what nodes have told each other, so
// nothing gets into it but numbers, addresses, checked names and passwords without quotes: no text
// of anybody can end a string or begin a statement. The same input gives the same text. Filters
// are in render-filters.ts, sessions in render-sessions.ts.

import { cidrAddress } from '../net/cidr.ts';
import type { Passwords } from './passwords.ts';
import { FAMILY_DIGIT, hosts, inside, nodeFunction, prefixSet, ranges } from './render-filters.ts';
import { renderSessions } from './render-sessions.ts';
import type { Speaker, SpeakerFamily } from './speaker-types.ts';

/** Netlink tells BIRD of changes; a scan finds what it missed. */
const SCAN_SECONDS = 10;
/** Nodes are many, and another path takes over in any case: theirs are slow. */
const NODE_BFD = { intervalMs: 1000, multiplier: 5 };

/** Sessions without a usable password are left out: passwords.ts says which. */
export function renderBird(speaker: Speaker, passwords: Passwords): string {
  const { routerId, gracefulRestart, families } = speaker;
  const parts = [
    [
      '# Written by poplin agent; whatever is changed here is written over.',
      'log stderr all;',
      'timeformat base iso long;',
      'timeformat protocol iso long;',
      `router id ${routerId};`,
      `graceful restart wait ${gracefulRestart.waitSeconds};`,
    ],
    [`protocol device device1 { scan time ${SCAN_SECONDS}; }`],
    direct(speaker),
    bfd(speaker),
    ...families.flatMap((family) => familyParts(family, speaker)),
    ...renderSessions(speaker, passwords),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

/** Next hops are looked up in these networks; without them every one would be unreachable. */
function direct({ links, families }: Speaker): readonly string[] {
  if (links.length === 0 || families.length === 0) return [];
  return [
    'protocol direct underlay {',
    ...families.map(({ family }) => `  ${family};`),
    `  interface ${links.map((link) => `"${link}"`).join(', ')};`,
    '}',
  ];
}

function bfd({ sessions }: Speaker): readonly string[] {
  if (!sessions.some((session) => session.bfd !== 'off')) return [];
  const times = `{ interval ${NODE_BFD.intervalMs} ms; multiplier ${NODE_BFD.multiplier}; }`;
  return ['protocol bfd bfd1 {', `  interface "*" ${times};`, `  multihop ${times};`, '}'];
}

function familyParts(family: SpeakerFamily, speaker: Speaker): readonly (readonly string[])[] {
  return [
    definitions(family),
    ownRoutes(family),
    serviceRoutes(family, speaker),
    kernel(family, speaker),
  ];
}

function definitions({ family, network, subnetRanges, ...own }: SpeakerFamily): readonly string[] {
  const digit = FAMILY_DIGIT[family];
  const harmful = [...own.ownSubnets.map(inside), ...own.ownAddresses.map(hosts)];
  const isOwn = harmful.length === 0 ? 'false' : `net ~ ${prefixSet(harmful)}`;
  return [
    `define NETWORK${digit} = ${prefixSet([inside(network)])};`,
    '# What can be the subnet of a node.',
    `define SUBNETS${digit} = ${prefixSet(ranges(subnetRanges))};`,
    '# What nobody else has: the subnets and addresses of this node.',
    `function is_own${digit}() { return ${isOwn}; }`,
    ...nodeFunction(digit),
  ];
}

/** Only to be announced: the agent has a route of its own in the kernel. */
function ownRoutes({ family, ownSubnets }: SpeakerFamily): readonly string[] {
  if (ownSubnets.length === 0) return [];
  return [
    `protocol static own${FAMILY_DIGIT[family]} {`,
    `  ${family} { import all; export none; };`,
    ...ownSubnets.map((subnet) => `  route ${subnet} blackhole;`),
    '}',
  ];
}

function serviceRoutes(
  { family, serviceRanges }: SpeakerFamily,
  { sessions }: Speaker,
): readonly string[] {
  const isTold = sessions.some(
    ({ exports, ...session }) =>
      session.family === family && exports.kind === 'peer' && exports.announceServices,
  );
  if (!isTold || serviceRanges.length === 0) return [];
  return [
    `protocol static services${FAMILY_DIGIT[family]} {`,
    `  ${family} { import all; export none; };`,
    ...serviceRanges.map((range) => `  route ${range} blackhole;`),
    '}',
  ];
}

/** What goes into the kernel: only routes that somebody else announced and that lead somewhere. */
function kernel(
  { family, ownSubnets, smallMtus }: SpeakerFamily,
  { ecmpPaths }: Speaker,
): readonly string[] {
  const digit = FAMILY_DIGIT[family];
  const [own] = ownSubnets;
  return [
    `filter to_kernel${digit} {`,
    '  if source != RTS_BGP || dest != RTD_UNICAST then reject;',
    `  if is_own${digit}() then reject;`,
    '  # Others get in only where a filter of a peer says so.',
    `  if net !~ SUBNETS${digit} && proto !~ "peer${digit}_*" then reject;`,
    ...(own === undefined
      ? []
      : [`  if net ~ NETWORK${digit} then krt_prefsrc = ${cidrAddress(own)};`]),
    ...smallMtus.map(
      ({ mtuBytes, subnets }) => `  if net ~ ${prefixSet(subnets)} then krt_mtu = ${mtuBytes};`,
    ),
    '  accept;',
    '}',
    `protocol kernel kernel${digit} {`,
    '  persist;',
    '  graceful restart;',
    '  metric 32;',
    '  learn off;',
    `  scan time ${SCAN_SECONDS};`,
    ...(ecmpPaths > 1 ? [`  merge paths on limit ${ecmpPaths};`] : []),
    `  ${family} { import none; export filter to_kernel${digit}; };`,
    '}',
  ];
}
