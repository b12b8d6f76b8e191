// Whether a node is one of those that a part of the settings is for, and its AS by that. Pure.

import type { NodeLabels } from '../cluster/node.ts';
import type { BgpSettings, LabelTerm, NodeSelector } from '../config/bgp-settings.ts';

export function isSelected(
  selector: NodeSelector,
  { name, labels }: { readonly name: string; readonly labels: NodeLabels },
): boolean {
  switch (selector.kind) {
    case 'all':
      return true;
    case 'names':
      return selector.names.includes(name);
    case 'labels':
      return selector.terms.every((term) => satisfies(labels, term));
  }
}

/** As in Kubernetes `!=` is also true of a node without the label. */
function satisfies(labels: NodeLabels, { key, operator, value }: LabelTerm): boolean {
  const actual = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'exists':
      return actual !== undefined;
    case 'absent':
      return actual === undefined;
    case 'equals':
      return actual === value;
    case 'differs':
      return actual !== value;
  }
}

/** Every node computes it of every other: by the first entry that is for the node. */
export const asOf = (
  { as, nodeAs }: BgpSettings,
  node: { readonly name: string; readonly labels: NodeLabels },
): number => nodeAs.find((entry) => isSelected(entry.nodes, node))?.as ?? as;
