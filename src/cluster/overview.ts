// The whole cluster by what its nodes publish of themselves: one row a node, with the nodes that
// have said nothing for too long told from those that say something is wrong. For `status --all`
// and the web page. Pure.

import type { NodeSummary } from './summary.ts';
import { parseSummary, silentSince } from './summary.ts';

/** `silent`: nothing for too long. `unknown`: never anything, or nothing that is understood. */
export type NodeState = 'ready' | 'not-ready' | 'silent' | 'unknown';

export type NodeRow = {
  readonly name: string;
  readonly state: NodeState;
  /** What is wrong, in words; empty when nothing is. */
  readonly problems: readonly string[];
  /** When it was heard of last, by its own clock; absent: never. */
  readonly heardAt?: string;
  /** The last thing it said, also of a silent node. */
  readonly summary?: NodeSummary;
};

export type ClusterOverview = {
  readonly schema: 1;
  readonly at: string;
  readonly nodes: readonly NodeRow[];
};

/** One for all comparisons: making it takes longer than comparing. */
const BY_NUMBERS = new Intl.Collator('en', { numeric: true });

/** `texts`: of all nodes that there are; undefined of those that have published nothing. */
export function overviewOf(
  texts: ReadonlyMap<string, string | undefined>,
  now: Date,
): ClusterOverview {
  const nodes = [...texts]
    .map(([name, text]) => rowOf(name, text, now))
    .sort((a, b) => BY_NUMBERS.compare(a.name, b.name));
  return { schema: 1, at: now.toISOString(), nodes };
}

function rowOf(name: string, text: string | undefined, now: Date): NodeRow {
  if (text === undefined) {
    const problems = [
      'it has published nothing: no agent runs there, or one that does not publish',
    ];
    return { name, state: 'unknown', problems };
  }
  const parsed = parseSummary(text);
  if (parsed.kind === 'malformed') {
    const problems = [`what it has published is not understood: ${parsed.problem}`];
    return { name, state: 'unknown', problems };
  }
  const { summary } = parsed;
  const common = { name, heardAt: summary.at, summary };
  const since = silentSince(summary, now);
  if (since !== undefined) {
    const last = summary.ready ? [] : summary.problems.map((words) => `before that: ${words}`);
    return { ...common, state: 'silent', problems: [`silent since ${since}`, ...last] };
  }
  return summary.ready
    ? { ...common, state: 'ready', problems: [] }
    : { ...common, state: 'not-ready', problems: summary.problems };
}
