// What `nft -j -t list ruleset` prints, as far as it matters for forwarded packets: chains with
// their rules, in order. The format is that of libnftables-json(5); rules made by iptables show
// their extensions as `xt` objects. What is not understood is kept as it is and means "maybe" to
// whoever asks, so a newer nft cannot make this wrong, only less certain.

import * as z from 'zod';
import type { Cidr } from '../net/cidr.ts';
import { hostCidr, networkOf } from '../net/cidr.ts';
import { ADDRESS_BITS } from '../net/family.ts';
import { familyOf, parseIp } from '../net/ip.ts';

export type RulesetRule = {
  readonly handle: number;
  readonly comment: string;
  readonly statements: readonly Statement[];
};

export type RulesetChain = {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Of a base chain; undefined for one that is only jumped to. */
  readonly hook?: string;
  readonly policy?: string;
  readonly rules: readonly RulesetRule[];
};

/** One member of a rule's `expr`: its kind (`match`, `accept`, `xt`, …) and what it says. */
export type Statement = { readonly kind: string; readonly body: unknown };

const chainSchema = z.object({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  hook: z.string().optional(),
  policy: z.string().optional(),
});

const ruleSchema = z.object({
  family: z.string(),
  table: z.string(),
  chain: z.string(),
  handle: z.number(),
  comment: z.string().default(''),
  expr: z.array(z.union([z.record(z.string(), z.unknown()), z.string()])).default([]),
});

const entrySchema = z.object({ chain: chainSchema.optional(), rule: ruleSchema.optional() });
const rulesetSchema = z.object({ nftables: z.array(z.unknown()) });

/** Chains in the order listed; entries of another shape are left out. */
export function parseRuleset(json: unknown): readonly RulesetChain[] {
  const chains = new Map<string, { chain: z.infer<typeof chainSchema>; rules: RulesetRule[] }>();
  const ruleset = rulesetSchema.safeParse(json);
  for (const member of ruleset.data?.nftables ?? []) {
    const { chain, rule } = entrySchema.safeParse(member).data ?? {};
    if (chain !== undefined) {
      chains.set(`${chain.family} ${chain.table} ${chain.name}`, { chain, rules: [] });
    }
    if (rule !== undefined) {
      const { handle, comment, expr } = rule;
      const statements = expr.map(statementOf);
      chains
        .get(`${rule.family} ${rule.table} ${rule.chain}`)
        ?.rules.push({ handle, comment, statements });
    }
  }
  return [...chains.values()].map(({ chain: { hook, policy, ...chain }, rules }) => ({
    ...chain,
    ...(hook === undefined ? {} : { hook }),
    ...(policy === undefined ? {} : { policy }),
    rules,
  }));
}

function statementOf(expression: string | Readonly<Record<string, unknown>>): Statement {
  if (typeof expression === 'string') return { kind: expression, body: null };
  const [[kind, body] = ['', null]] = Object.entries(expression);
  return { kind, body };
}

const matchSchema = z.object({ op: z.string(), left: z.unknown(), right: z.unknown() });
export type Match = { readonly op: string; readonly left: unknown; readonly right: unknown };

export const matchOf = ({ kind, body }: Statement): Match | undefined =>
  kind === 'match' ? matchSchema.safeParse(body).data : undefined;

const payloadSchema = z.object({
  payload: z.object({ protocol: z.string(), field: z.string() }),
});

/** `ip saddr` and the like; undefined for any other left side. */
export const payloadOf = (left: unknown): { protocol: string; field: string } | undefined =>
  payloadSchema.safeParse(left).data?.payload;

const prefixSchema = z.object({ prefix: z.object({ addr: z.string(), len: z.number() }) });
const setSchema = z.object({ set: z.array(z.unknown()) });

/** The prefixes of a match's right side; undefined when any part of it is something else. */
export function prefixesOf(right: unknown): readonly Cidr[] | undefined {
  const members = setSchema.safeParse(right).data?.set ?? [right];
  const prefixes = members.flatMap((member) => prefixOf(member) ?? []);
  return prefixes.length === members.length ? prefixes : undefined;
}

function prefixOf(value: unknown): Cidr | undefined {
  if (typeof value === 'string') {
    const ip = parseIp(value);
    return ip === undefined ? undefined : hostCidr(ip);
  }
  const { addr = '', len = -1 } = prefixSchema.safeParse(value).data?.prefix ?? {};
  const address = parseIp(addr);
  if (address === undefined || len < 0 || len > ADDRESS_BITS[familyOf(address)]) return undefined;
  return networkOf(address, len);
}

const xtSchema = z.object({ name: z.string() });

/** Name of an iptables extension: `REJECT`, `conntrack`; '' for anything else. */
export const xtName = ({ kind, body }: Statement): string =>
  kind === 'xt' ? (xtSchema.safeParse(body).data?.name ?? '') : '';

export const hasXtComment = (rule: RulesetRule): boolean =>
  rule.statements.some((statement) => xtName(statement) === 'comment');

/** Statements that neither match nor decide. */
const isSilent = (statement: Statement): boolean =>
  ['counter', 'log'].includes(statement.kind) || xtName(statement) === 'comment';

/** For a rule that does nothing but accept one prefix: which, and on which side. */
export function acceptedPrefix(
  rule: RulesetRule,
): { readonly side: string; readonly prefix: Cidr } | undefined {
  const [statement, verdict, ...more] = rule.statements.filter((one) => !isSilent(one));
  if (statement === undefined || verdict?.kind !== 'accept' || more.length > 0) return undefined;
  const match = matchOf(statement);
  const [prefix, ...others] = prefixesOf(match?.right) ?? [];
  const field = payloadOf(match?.left)?.field;
  if (match?.op !== '==' || prefix === undefined || others.length > 0) return undefined;
  return field === undefined ? undefined : { side: field, prefix };
}

export const decisiveStatements = (rule: RulesetRule): readonly Statement[] =>
  rule.statements.filter((statement) => !isSilent(statement));
