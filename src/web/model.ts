// What the page shows, computed from what nodes publish: the matrix of pairs, the state of each
// node as its peers see it, the paths of one node, events of all. Pure, and knows no document, so
// that it is tested without a browser.

import type { ClusterOverview, NodeRow } from '../cluster/overview.ts';
import type { NodeSummary } from '../cluster/summary.ts';

/** From good to bad; `unknown`: nobody has measured it. */
export type Level = 'well' | 'slow' | 'lossy' | 'unknown' | 'silent' | 'none';

type Path = NodeSummary['paths'][number];

export type Cell = {
  readonly from: string;
  readonly to: string;
  readonly level: Level | 'self';
  /** What stands in the cell. */
  readonly text: string;
  /** The same with the names of both, for whoever does not see the table. */
  readonly label: string;
};

export type PathRow = {
  readonly peer: string;
  readonly level: Level;
  /** Family, path, probes, echo, lost. */
  readonly cells: readonly string[];
};

export type PageEvent = NodeSummary['events'][number] & { readonly node: string };

/** A picture of more nodes, and a matrix of more pairs, is read by nobody. */
const SHOWN_MAX = 64;
const EVENTS_SHOWN = 40;
/** Between nodes of one place an echo takes less. */
const SLOW_MS = 10;

const RANK: readonly Level[] = ['well', 'slow', 'unknown', 'lossy', 'silent', 'none'];

/** Those with a fault first, where there are too many. */
export function shownNodes({ nodes }: ClusterOverview): readonly NodeRow[] {
  if (nodes.length <= SHOWN_MAX) return nodes;
  const isWell = ({ state, summary }: NodeRow): boolean =>
    state === 'ready' && summary?.peers.silent === 0 && summary.peers.unreachable === 0;
  return [...nodes.filter((row) => !isWell(row)), ...nodes.filter(isWell)].slice(0, SHOWN_MAX);
}

export function matrixOf(rows: readonly NodeRow[]): readonly (readonly Cell[])[] {
  return rows.map((row) => {
    const paths = new Map<string, Path[]>();
    for (const path of row.summary?.paths ?? []) {
      const known = paths.get(path[0]);
      if (known === undefined) paths.set(path[0], [path]);
      else known.push(path);
    }
    return rows.map((to) => cellOf(row, to.name, paths.get(to.name) ?? []));
  });
}

function cellOf(row: NodeRow, to: string, paths: readonly Path[]): Cell {
  const common = { from: row.name, to };
  if (row.name === to) return { ...common, level: 'self', text: '–', label: `${to} itself` };
  if (!isHeard(row)) return { ...common, ...unheard(row, to) };
  const [worst] = [...paths].sort((a, b) => RANK.indexOf(levelOf(b)) - RANK.indexOf(levelOf(a)));
  if (worst === undefined) return { ...common, ...withoutPath(row, to) };
  const text = wordsOf(worst);
  const all = paths.map((path) => `${path[1]} by ${path[2]}: ${wordsOf(path)}`).join('; ');
  return { ...common, level: levelOf(worst), text, label: `${row.name} to ${to}: ${all}` };
}

const isHeard = ({ state }: NodeRow): boolean => state === 'ready' || state === 'not-ready';

type CellWords = Omit<Cell, 'from' | 'to'>;

/** What it said last may be long over. */
const unheard = ({ name }: NodeRow, to: string): CellWords => ({
  ...{ level: 'unknown', text: '?', label: `${name} to ${to}: nothing is known` },
});

/** A node with many peers names only those with a fault. */
const withoutPath = (row: NodeRow, to: string): CellWords =>
  row.summary?.peers.isWhole === false
    ? { level: 'well', text: 'answers', label: `${row.name} to ${to}: answers` }
    : unheard(row, to);

export function levelOf([, , used, probe, latencyMs, lossPercent]: Path): Level {
  if (used === 'none') return 'none';
  if (probe === 'silent') return 'silent';
  if ((lossPercent ?? 0) > 0) return 'lossy';
  if (probe === 'untried') return 'unknown';
  return (latencyMs ?? 0) > SLOW_MS ? 'slow' : 'well';
}

function wordsOf(path: Path): string {
  const [, , , , latencyMs, lossPercent] = path;
  const took = latencyMs === null ? 'answers' : millisecondWords(latencyMs);
  switch (levelOf(path)) {
    case 'none':
      return 'no path';
    case 'silent':
      return 'silent';
    case 'unknown':
      return 'untried';
    case 'lossy':
      return `${took}, ${lossPercent} % lost`;
    default:
      return took;
  }
}

const millisecondWords = (milliseconds: number): string =>
  `${milliseconds < 10 ? milliseconds.toFixed(2) : milliseconds.toFixed(0)} ms`;

/** A node is dead to the others when all that have tried hear nothing. */
export function isHeardByNobody(name: string, rows: readonly NodeRow[]): boolean {
  const tried = rows
    .filter(isHeard)
    .flatMap(({ summary }) => summary?.paths ?? [])
    .filter(([peer, , , probe]) => peer === name && probe !== 'untried');
  return tried.length > 0 && tried.every(([, , , probe]) => probe === 'silent');
}

export const stateWords = (row: NodeRow, rows: readonly NodeRow[]): string => {
  if (row.state === 'silent') return row.state;
  if (isHeardByNobody(row.name, rows)) return 'does not answer';
  if (row.state === 'unknown') return row.state;
  return row.state === 'ready' ? 'ready' : 'not ready';
};

export function summaryWords({ nodes, problem }: ClusterOverview): string {
  const counts = new Map<string, number>();
  for (const row of nodes) {
    const words = stateWords(row, nodes);
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  const ready = counts.get('ready') ?? 0;
  counts.delete('ready');
  const rest = [...counts].map(([words, count]) => `, ${count} ${words}`).join('');
  const words = `${ready} of ${nodes.length} nodes are ready${rest}`;
  return problem === undefined ? words : `${words}. Others may not be heard: ${problem}`;
}

export const pathRows = (row: NodeRow | undefined): readonly PathRow[] =>
  (row?.summary?.paths ?? []).map((path) => {
    const [peer, family, used, probe, latencyMs, lossPercent] = path;
    const echo = latencyMs === null ? '–' : millisecondWords(latencyMs);
    const lost = lossPercent === null ? '–' : `${lossPercent} %`;
    const by = used === 'none' ? 'no path' : used;
    return { peer, level: levelOf(path), cells: [family, by, probe, echo, lost] };
  });

/** Newest first. */
export const eventsOf = ({ nodes }: ClusterOverview): readonly PageEvent[] =>
  nodes
    .flatMap(({ name, summary }) =>
      (summary?.events ?? []).map((each) => ({ ...each, node: name })),
    )
    .sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
    .slice(0, EVENTS_SHOWN);

export function agoWords(at: string, now: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(at)) / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  return seconds < 5_400
    ? `${Math.round(seconds / 60)} min ago`
    : `${Math.round(seconds / 3600)} h ago`;
}
