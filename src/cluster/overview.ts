// The whole cluster by what its nodes publish of themselves: one row a node, with the nodes that
// have said nothing for too long told from those that say something is wrong. Who cannot hear them,
// since the datastore does not answer, blames none of them. For `status --all` and the web page.
// Pure.

import type { NodeSummary } from './summary.ts';
import { parseSummary, silentSince } from './summary.ts';

/** `silent`: nothing for too long. `unknown`: nothing that is understood, or that can be heard. */
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
  /** Why others are not heard of, in words; absent: they are. */
  readonly problem?: string;
  readonly nodes: readonly NodeRow[];
};

/** One for all comparisons: making it takes longer than comparing. */
const BY_NUMBERS = new Intl.Collator('en', { numeric: true });

/**
 * `texts`: of all nodes that there are; undefined of those that have published nothing. `problem`:
 * why the texts may be old ones.
 */
export function overviewOf(
  texts: ReadonlyMap<string, string | undefined>,
  now: Date,
  problem?: string,
): ClusterOverview {
  const nodes = [...texts]
    .map(([name, text]) => rowOf(name, text, { now, isHeard: problem === undefined }))
    .sort((a, b) => BY_NUMBERS.compare(a.name, b.name));
  return { schema: 1, at: now.toISOString(), ...(problem === undefined ? {} : { problem }), nodes };
}

type Hearing = { readonly now: Date; readonly isHeard: boolean };

function rowOf(name: string, text: string | undefined, { now, isHeard }: Hearing): NodeRow {
  if (text === undefined) {
    const problem = isHeard
      ? 'it has published nothing: no agent runs there, or one that does not publish'
      : 'nothing is known of it while the datastore does not answer';
    return { name, state: 'unknown', problems: [problem] };
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
    const unheard = `not heard of since ${since}, for the datastore does not answer`;
    return isHeard
      ? { ...common, state: 'silent', problems: [`silent since ${since}`, ...last] }
      : { ...common, state: 'unknown', problems: [unheard, ...last] };
  }
  return summary.ready
    ? { ...common, state: 'ready', problems: [] }
    : { ...common, state: 'not-ready', problems: summary.problems };
}
