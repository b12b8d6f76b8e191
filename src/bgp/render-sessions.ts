// The sessions of bird.conf: a template for those with nodes, which all say the same, and each peer
// in full. A session whose password is missing or cannot be said is left out.

import type { Family } from '../net/family.ts';
import type { Passwords } from './passwords.ts';
import { passwordOf } from './passwords.ts';
import { exportFilter, FAMILY_DIGIT, importFilter } from './render-filters.ts';
import type { Session, Speaker } from './speaker-types.ts';

type Block = readonly string[];

export function renderSessions(speaker: Speaker, passwords: Passwords): readonly Block[] {
  const blocks: Block[] = [];
  const templates = new Set<string>();
  for (const session of speaker.sessions) {
    const found = passwordOf(session, passwords);
    if (found === undefined) continue;
    const secret = found.text === undefined ? [] : [`password "${found.text}";`];
    if (session.role === 'peer') {
      blocks.push(peerBlock(session, speaker, secret));
      continue;
    }
    const template = templateOf(session);
    if (!templates.has(template)) blocks.push(nodeTemplate(session, speaker, secret));
    templates.add(template);
    blocks.push(nodeBlock(session, template));
  }
  return blocks;
}

const isInternal = ({ local, remote }: Session): boolean => local.as === remote.as;

const templateOf = (session: Session): string =>
  `${isInternal(session) ? 'node' : 'foreign_node'}${FAMILY_DIGIT[session.family]}`;

const TIMES: Block = [
  'hold time 30;',
  'keepalive time 10;',
  'connect delay time 1;',
  'connect retry time 2;',
  'error wait time 1, 10;',
];

/**
 * Nodes keep each other's routes as long-lived stale ones from the first moment on (RFC 9494): a
 * BIRD that dies again before it has told all of its routes would end plain graceful restart, and
 * its neighbours would delete them (RFC 4724, 4.2).
 */
const keptByNodes = ({ gracefulRestart }: Speaker): Block => [
  'graceful restart on;',
  'graceful restart time 0;',
  'long lived graceful restart on;',
  `long lived stale time ${gracefulRestart.restartSeconds};`,
];

/** Routers may know nothing of long-lived ones. */
const keptByPeers = ({ gracefulRestart }: Speaker): Block => [
  'graceful restart on;',
  `graceful restart time ${gracefulRestart.restartSeconds};`,
  'long lived graceful restart off;',
  '# BIRD would withdraw what is stale from who does not know of it, instead of keeping it.',
  'interpret communities off;',
];

const startOf = ({ local }: Session, { portNumber }: Speaker): string =>
  `local ${local.address} port ${portNumber} as ${local.as};`;

function nodeTemplate(session: Session, speaker: Speaker, secret: Block): Block {
  const { family, exports } = session;
  const { isReflector, clusterId } = speaker;
  return [
    `template bgp ${templateOf(session)} {`,
    ...indented([
      startOf(session, speaker),
      ...TIMES,
      ...keptByNodes(speaker),
      'bfd graceful;',
      ...secret,
      ...(isInternal(session) ? reflection(clusterId) : []),
      ...channel(family, exportFilter(exports, { family, isReflector })),
    ]),
    '}',
  ];
}

/**
 * On every node: what it passes on is decided by the export filter alone, so that becoming a
 * reflector changes a filter and restarts no session.
 */
const reflection = (clusterId: string | undefined): Block => [
  'rr client;',
  ...(clusterId === undefined ? [] : [`rr cluster id ${clusterId};`]),
];

const nodeBlock = (session: Session, template: string): Block => {
  const { name, remote, isPassive, family } = session;
  return [
    `protocol bgp '${name}' from ${template} {`,
    ...indented([
      `neighbor ${remote.address} port ${remote.portNumber} as ${remote.as};`,
      ...(isPassive ? ['passive;'] : []),
      ...channel(family, taken(session)),
    ]),
    '}',
  ];
};

function peerBlock(session: Session, speaker: Speaker, secret: Block): Block {
  const { name, family, remote, multihop, gtsm, allowLocalAs, exports } = session;
  const { intervalMs, multiplier } = speaker.bfd;
  const { isReflector } = speaker;
  return [
    `protocol bgp '${name}' {`,
    ...indented([
      startOf(session, speaker),
      `neighbor ${remote.address} port ${remote.portNumber} as ${remote.as};`,
      multihop === undefined ? 'direct;' : `multihop ${multihop};`,
      ...(gtsm ? ['ttl security on;'] : []),
      ...TIMES,
      ...keptByPeers(speaker),
      ...(session.bfd === 'off'
        ? []
        : [`bfd { interval ${intervalMs} ms; multiplier ${multiplier}; };`]),
      ...secret,
      ...(allowLocalAs === 0 ? [] : [`allow local as ${allowLocalAs};`]),
      ...channel(family, [...taken(session), ...exportFilter(exports, { family, isReflector })]),
    ]),
    '}',
  ];
}

/** What is over the limit is not taken, and what is there stays. */
const taken = ({ imports, importLimit: limit, family }: Session): Block => [
  ...importFilter(imports, { family, limit }),
  `import limit ${limit} action block;`,
];

const channel = (family: Family, lines: Block): Block => [`${family} {`, ...indented(lines), '};'];

const indented = (lines: Block): Block => lines.map((line) => `  ${line}`);
