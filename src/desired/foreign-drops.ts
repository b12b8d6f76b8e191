// Finds what in other tables drops pods' forwarded packets, whatever our own table accepts: a chain
// at hook `forward` with policy drop, or with a drop that no accept comes before (Docker, ufw,
// firewalld). Each chain is walked (nft-walk.ts) with the packet of a new connection of which only
// the pod's side is known, so a finding is certain. Pure; `status` and `doctor` show it.

import type { Config, FamilyConfig } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import { NFT_NAME } from '../net/family.ts';
import { NFT_TABLE } from '../state/own.ts';
import type { Flow } from './nft-match.ts';
import { FLOWS, matches } from './nft-match.ts';
import type { RulesetChain } from './nft-ruleset.ts';
import { dropIn, siblingsOf } from './nft-walk.ts';

export type ForeignDrop = {
  /** `ip filter`. */
  readonly table: string;
  readonly chain: string;
  /** What drops: `policy drop`, or the rule with its handle. */
  readonly rule: string;
  readonly network: Cidr;
  readonly flows: readonly Flow[];
  /** All of it as one sentence, and what would help. */
  readonly message: string;
};

export function findForeignDrops(
  config: Config,
  chains: readonly RulesetChain[],
): readonly ForeignDrop[] {
  const bases = chains.filter((chain) => chain.hook === 'forward' && chain.table !== NFT_TABLE);
  return config.families.flatMap((family) =>
    bases
      .filter((base) => base.family === 'inet' || base.family === NFT_NAME[family.family])
      .flatMap((base) => dropsOf(family, base, chains)),
  );
}

/** One finding for each thing that drops, with all flows that it drops. */
function dropsOf(
  conf: FamilyConfig,
  base: RulesetChain,
  chains: readonly RulesetChain[],
): readonly ForeignDrop[] {
  const found = new Map<string, { chain: string; rule: string; flows: Flow[] }>();
  for (const flow of FLOWS) {
    const drop = dropIn(base, chains, (match) => matches(match, conf, flow));
    if (drop === undefined) continue;
    const { chain, rule } = drop;
    const key = `${chain} ${rule}`;
    const before = found.get(key);
    if (before === undefined) found.set(key, { chain, rule, flows: [flow] });
    else before.flows.push(flow);
  }
  const table = `${base.family} ${base.table}`;
  const help = helpFor(base, chains, conf);
  return [...found.values()].map(({ chain, rule, flows }) => ({
    ...{ table, chain, rule, network: conf.network, flows },
    message: `table ${table}, chain ${chain}: ${rule} stops packets ${flows.join(', ')}; ${help}`,
  }));
}

/** What the operator of the program that made the chain would do. */
function helpFor(
  base: RulesetChain,
  chains: readonly RulesetChain[],
  { network }: FamilyConfig,
): string {
  if (base.table === 'firewalld') {
    return `run firewall-cmd --permanent --zone=trusted --add-source=${network}, then --reload`;
  }
  const siblings = siblingsOf(base, chains);
  if ([...siblings.keys()].some((name) => name.startsWith('ufw'))) {
    return `set ForwardRules to "insert", or run ufw route allow from ${network} and to it`;
  }
  const isIptables = base.table === 'filter' && base.name === 'FORWARD';
  if (isIptables) return 'set ForwardRules to "insert"';
  return `accept packets from and to ${network} in that chain`;
}
