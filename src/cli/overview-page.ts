// The page of `poplin status --all`: one row a node, and below it what is wrong in full. Pure.

import type { ClusterOverview, NodeRow } from '../cluster/overview.ts';
import { durationWords } from './bird-lines.ts';

const HEAD = ['NODE', 'STATE', 'PODS', 'PEERS', 'BACKEND', 'CONFIG', 'SUBNETS', 'VERSION', 'HEARD'];

export function renderOverview({ nodes, at }: ClusterOverview): string {
  if (nodes.length === 0) return 'the cluster has no nodes\n';
  const rows = [HEAD, ...nodes.map((node) => cells(node, at))];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const problems = nodes.flatMap(({ name, problems: words }) =>
    words.map((problem) => `  ! ${name}: ${problem}`),
  );
  const wellCount = nodes.filter(({ state }) => state === 'ready').length;
  const sum = `${wellCount} of ${nodes.length} nodes are ready`;
  return `${[...lines, ...problems, sum].join('\n')}\n`;
}

function cells({ name, state, heardAt, summary }: NodeRow, at: string): string[] {
  const word = state === 'ready' ? 'ready' : state.toUpperCase().replace('-', ' ');
  if (summary === undefined) return [name, word, ...HEAD.slice(3).map(() => '-'), 'never'];
  const { pods, backend, config, configInvalid, subnets, version, cluster } = summary;
  const heard = heardAt === undefined ? 'never' : `${agoWords(heardAt, at)} ago`;
  return [
    name,
    word,
    String(pods),
    peerWords(summary),
    backend || '-',
    `${config || '-'}${configInvalid ? ' (newer one INVALID)' : ''}`,
    subnets.join(',') || 'NONE',
    `${version}${cluster === 'synced' ? '' : ` (${cluster})`}`,
    heard,
  ];
}

function peerWords({ peers, paths }: NonNullable<NodeRow['summary']>): string {
  const { total, silent, unreachable } = peers;
  const bad = [
    ...(silent > 0 ? [`${silent} silent`] : []),
    ...(unreachable > 0 ? [`${unreachable} without a path`] : []),
  ];
  if (bad.length > 0) return `${total}: ${bad.join(', ')}`;
  const answering = paths.filter(([, , , probe]) => probe === 'answers').length;
  return peers.isWhole && answering < total ? `${answering} of ${total} answer` : `${total} answer`;
}

const agoWords = (from: string, to: string): string =>
  durationWords(Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000));
