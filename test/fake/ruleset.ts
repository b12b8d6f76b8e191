// Rulesets as `nft -j list ruleset` prints them, written short: a chain is its place and its rules,
// a rule a list of statements. The shapes were taken from nft 1.0.6 and iptables 1.8.9; the system
// tests compare with what those programs really print.

export type RuleText = { readonly comment?: string; readonly expr: readonly unknown[] };

export type ChainText = {
  /** Family and name: `ip filter`. */
  readonly table: string;
  readonly name: string;
  /** Policy of a base chain at hook forward; absent for one that is jumped to. */
  readonly policy?: 'accept' | 'drop';
  readonly hook?: string;
  readonly rules?: readonly RuleText[];
};

/** Handles are counted through the whole ruleset, from 1. */
export function rulesetJson(chains: readonly ChainText[]): unknown {
  const nftables: unknown[] = [{ metainfo: { version: '1.0.6', json_schema_version: 1 } }];
  let handle = 0;
  for (const { table: place, name, policy, hook = 'forward', rules = [] } of chains) {
    const [family = '', table = ''] = place.split(' ');
    const base = policy === undefined ? {} : { type: 'filter', hook, prio: 0, policy };
    nftables.push({ chain: { family, table, name, handle: 0, ...base } });
    for (const { expr, comment } of rules) {
      handle += 1;
      const extra = comment === undefined ? {} : { comment };
      nftables.push({ rule: { family, table, chain: name, handle, ...extra, expr } });
    }
  }
  return { nftables };
}

export const COUNTER = { counter: { packets: 0, bytes: 0 } };
export const ACCEPT = { accept: null };
export const DROP = { drop: null };
export const RETURN = { return: null };
export const REJECT = { reject: { type: 'icmpx', expr: 'admin-prohibited' } };
export const XT_REJECT = { xt: { type: 'target', name: 'REJECT' } };
export const XT_COMMENT = { xt: { type: 'match', name: 'comment' } };
export const XT_CONNTRACK = { xt: { type: 'match', name: 'conntrack' } };
export const jump = (target: string): unknown => ({ jump: { target } });
export const goto = (target: string): unknown => ({ goto: { target } });

export const match = (left: unknown, right: unknown, op = '=='): unknown => ({
  match: { op, left, right },
});

/** `ip saddr` and a prefix; a single address is printed without a length. */
export function address(text: string, prefix: string, op = '=='): unknown {
  const [protocol, field] = text.split(' ');
  const [addr = '', length] = prefix.split('/');
  const right = length === undefined ? addr : { prefix: { addr, len: Number(length) } };
  return match({ payload: { protocol, field } }, right, op);
}

export const meta = (key: string, right: unknown, op = '=='): unknown =>
  match({ meta: { key } }, right, op);

export const ESTABLISHED = match({ ct: { key: 'state' } }, ['established', 'related'], 'in');
