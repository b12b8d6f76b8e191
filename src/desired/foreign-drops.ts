// Finds what in other tables drops pods' forwarded packets, whatever our own table accepts: a chain
// at hook `forward` with policy drop, or with a drop that no accept comes before (Docker, ufw,
// firewalld). It walks each chain as the kernel would, with a packet of which only the pod's side
// is known. A rule that only may match is passed over, so that a finding is certain: the packet of
// a new connection that matches nothing special is dropped. Pure; `status` and `doctor` show it.

import type { Config, FamilyConfig } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import { NFT_NAME } from '../net/family.ts';
import { NFT_TABLE } from '../state/own.ts';
import type { Flow } from './nft-match.ts';
import { FLOWS, matches } from './nft-match.ts';
import type { RulesetChain, RulesetRule, Statement } from './nft-ruleset.ts';
import { decisiveStatements, xtName } from './nft-ruleset.ts';

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

/** The kernel follows at most 16 jumps (NFT_JUMP_STACK_SIZE). */
const JUMPS_MAX = 16;

type Verdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'continue' }
  | { readonly kind: 'return' }
  | { readonly kind: 'drop'; readonly chain: string; readonly rule: string };

const PASS: Verdict = { kind: 'pass' };
const CONTINUE: Verdict = { kind: 'continue' };
const RETURN: Verdict = { kind: 'return' };

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
    const walk: Walk = { conf, flow, siblings: siblingsOf(base, chains), jumps: 0 };
    const verdict = walkChain(base, walk);
    if (verdict.kind !== 'drop') continue;
    const { chain, rule } = verdict;
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

type Walk = {
  readonly conf: FamilyConfig;
  readonly flow: Flow;
  readonly siblings: ReadonlyMap<string, RulesetChain>;
  readonly jumps: number;
};

const siblingsOf = (
  base: RulesetChain,
  chains: readonly RulesetChain[],
): ReadonlyMap<string, RulesetChain> =>
  new Map(
    chains
      .filter((chain) => chain.family === base.family && chain.table === base.table)
      .map((chain) => [chain.name, chain]),
  );

function walkChain(chain: RulesetChain, walk: Walk): Verdict {
  for (const rule of chain.rules) {
    const verdict = walkRule(chain, rule, walk);
    if (verdict.kind === 'return') break;
    if (verdict.kind !== 'continue') return verdict;
  }
  if (chain.hook === undefined) return CONTINUE;
  return chain.policy === 'drop' ? { kind: 'drop', chain: chain.name, rule: 'policy drop' } : PASS;
}

function walkRule(chain: RulesetChain, rule: RulesetRule, walk: Walk): Verdict {
  for (const statement of decisiveStatements(rule)) {
    if (statement.kind === 'match') {
      if (matches(statement, walk.conf, walk.flow) !== 'yes') return CONTINUE;
      continue;
    }
    const name = xtName(statement) === 'REJECT' ? 'reject' : statement.kind;
    switch (name) {
      case 'accept':
        return PASS;
      case 'return':
        return RETURN;
      case 'drop':
      case 'reject':
        return { kind: 'drop', chain: chain.name, rule: describeRule(name, rule) };
      case 'jump':
      case 'goto':
        return follow(statement, chain, walk);
      default:
        // Something that may match or decide in a way that is not known here.
        return CONTINUE;
    }
  }
  return CONTINUE;
}

/** A `goto` does not come back: what the other chain leaves open is up to the base chain. */
function follow(statement: Statement, chain: RulesetChain, walk: Walk): Verdict {
  const { body } = statement;
  const name =
    typeof body === 'object' && body !== null && 'target' in body ? String(body.target) : '';
  const target = walk.siblings.get(name);
  if (target === undefined || walk.jumps >= JUMPS_MAX) return CONTINUE;
  const verdict = walkChain(target, { ...walk, jumps: walk.jumps + 1 });
  if (statement.kind === 'goto' && verdict.kind === 'continue') {
    return chain.hook === undefined ? CONTINUE : RETURN;
  }
  return verdict;
}

function describeRule(verdict: string, rule: RulesetRule): string {
  const comment = rule.comment === '' ? '' : ` "${rule.comment}"`;
  return `rule ${verdict}${comment} (handle ${rule.handle})`;
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
