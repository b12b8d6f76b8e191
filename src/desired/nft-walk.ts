// Walks a chain of somebody's ruleset as the kernel would, with a packet of which only some things
// are known. A rule that only may match is passed over, so that a drop which is found is certain:
// the packet that matches nothing special is dropped. Pure.

import type { RulesetChain, RulesetRule, Statement } from './nft-ruleset.ts';
import { decisiveStatements, xtName } from './nft-ruleset.ts';

export type Answer = 'yes' | 'no' | 'maybe';

export type ChainDrop = {
  readonly chain: string;
  /** What drops: `policy drop`, or the rule with its handle. */
  readonly rule: string;
};

/** The kernel follows at most 16 jumps (NFT_JUMP_STACK_SIZE). */
const JUMPS_MAX = 16;

type Verdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'continue' }
  | { readonly kind: 'return' }
  | ({ readonly kind: 'drop' } & ChainDrop);

const PASS: Verdict = { kind: 'pass' };
const CONTINUE: Verdict = { kind: 'continue' };
const RETURN: Verdict = { kind: 'return' };

type Walk = {
  readonly matches: (match: Statement) => Answer;
  readonly siblings: ReadonlyMap<string, RulesetChain>;
  readonly jumps: number;
};

/** What in this base chain, or in those that it jumps to, drops the packet for certain. */
export function dropIn(
  base: RulesetChain,
  chains: readonly RulesetChain[],
  matches: (match: Statement) => Answer,
): ChainDrop | undefined {
  const verdict = walkChain(base, { matches, siblings: siblingsOf(base, chains), jumps: 0 });
  return verdict.kind === 'drop' ? { chain: verdict.chain, rule: verdict.rule } : undefined;
}

/** Chains of the same table, by name. */
export const siblingsOf = (
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
      if (walk.matches(statement) !== 'yes') return CONTINUE;
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
