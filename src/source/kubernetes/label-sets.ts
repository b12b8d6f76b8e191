// The labels of Nodes, which a configuration may choose nodes by. Thousands of nodes have the same
// dozen labels but for the hostname, which nobody needs, as names are known: so equal sets are kept
// once. How many are remembered is bounded; one that is forgotten is only kept twice.

import type { NodeLabels } from '../../cluster/node.ts';
import { asTexts } from './json-types.ts';

const HOSTNAME = 'kubernetes.io/hostname';
const SETS_MAX = 512;

export class LabelSets {
  readonly #sets = new Map<string, NodeLabels>();

  /** `metadata.labels`, whatever it is, as a member of a node; nothing when there are none. */
  share(labels: unknown): { readonly labels?: NodeLabels } {
    const entries = Object.entries(asTexts(labels)).filter(([key]) => key !== HOSTNAME);
    return entries.length === 0 ? {} : { labels: this.#shared(entries) };
  }

  #shared(entries: [string, string][]): NodeLabels {
    const text = JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
    const known = this.#sets.get(text);
    if (known !== undefined) return known;
    if (this.#sets.size >= SETS_MAX) this.#sets.clear();
    // Parsed anew, as the parts of a string would keep the page alive that they came with.
    const set: NodeLabels = Object.fromEntries(JSON.parse(text));
    this.#sets.set(text, set);
    return set;
  }
}
