// Which nodes a part of `BGP` is for: by names, by labels, or all. Whether a node is among them is
// asked where the nodes are known (src/bgp).

import type { BgpConf, BgpNodesConf } from './bgp-schema.ts';
import type { NodeSelector } from './bgp-settings.ts';
import { parseLabelSelector } from './bgp-text.ts';
import type { ConfigProblem } from './config.ts';
import { problem } from './problems.ts';

export function nodesOf({ NodeSelector: labels, NodeNames: names }: BgpNodesConf): NodeSelector {
  if (names !== undefined) return { kind: 'names', names: [...new Set(names)].sort() };
  const terms = labels === undefined ? undefined : parseLabelSelector(labels);
  return terms === undefined ? { kind: 'all' } : { kind: 'labels', terms };
}

/** Of all places that choose nodes. */
export function nodesProblems(conf: BgpConf): readonly ConfigProblem[] {
  const { NodeAS, RouteReflectors: reflectors, Peers } = conf;
  const problems = [
    ...NodeAS.flatMap((entry, index) => bothProblems(entry, `BGP.NodeAS[${index}]`)),
    ...bothProblems(reflectors ?? {}, 'BGP.RouteReflectors'),
    ...Peers.flatMap((peer, index) => bothProblems(peer, `BGP.Peers[${index}]`)),
    ...NodeAS.flatMap((entry, index) =>
      isForAll(entry)
        ? [
            problem(
              `BGP.NodeAS[${index}]`,
              entry,
              'names no nodes: give it NodeSelector or NodeNames; of all nodes it is BGP.AS',
            ),
          ]
        : [],
    ),
    ...shadowedAs(NodeAS),
  ];
  if (reflectors === undefined || !isForAll(reflectors)) return problems;
  const why = 'names no nodes: give it NodeSelector or NodeNames, as {"NodeNames": ["node-1"]}';
  return [...problems, problem('BGP.RouteReflectors', reflectors, why)];
}

const isForAll = ({ NodeSelector, NodeNames }: BgpNodesConf): boolean =>
  NodeSelector === undefined && NodeNames === undefined;

const bothProblems = (
  { NodeSelector, NodeNames }: BgpNodesConf,
  key: string,
): readonly ConfigProblem[] =>
  NodeSelector === undefined || NodeNames === undefined
    ? []
    : [
        problem(
          `${key}.NodeNames`,
          NodeNames,
          'cannot stand beside NodeSelector: keep one of them',
        ),
      ];

/** Entries that never count, since an earlier one is for the same nodes. */
function shadowedAs(entries: BgpConf['NodeAS']): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const names = new Map<string, number>();
  const selectors = new Map<string, number>();
  for (const [index, { NodeNames = [], NodeSelector }] of entries.entries()) {
    for (const [at, name] of NodeNames.entries()) {
      const before = names.get(name);
      const why = `has its AS number from BGP.NodeAS[${before}] already: name it once`;
      if (before === undefined) names.set(name, index);
      else problems.push(problem(`BGP.NodeAS[${index}].NodeNames[${at}]`, name, why));
    }
    if (NodeSelector === undefined) continue;
    const before = selectors.get(NodeSelector);
    const why = `is that of BGP.NodeAS[${before}] too: only the first one counts`;
    if (before === undefined) selectors.set(NodeSelector, index);
    else problems.push(problem(`BGP.NodeAS[${index}].NodeSelector`, NodeSelector, why));
  }
  return problems;
}
