// The summary: what a node says of its own health, for whoever looks at the whole cluster
// (annotation `poplin.dev/status`, or an etcd key). Peers decide nothing by it. It is short: beyond
// some peers it names only those that something is wrong with. A malformed one is a value, not an
// exception: it concerns its one node and nobody else. Pure.

import * as z from 'zod';

/** So many peers are named at most; of more only those with a fault. */
export const SUMMARY_PEERS_MAX = 64;

const verdictSchema = z.enum(['untried', 'answers', 'silent']);

/** Peer, family, path in use, what probes say, milliseconds of an echo, percent lost. */
const peerSchema = z.tuple([
  z.string().max(253),
  z.enum(['ipv4', 'ipv6']),
  z.string().max(32),
  verdictSchema,
  z.number().min(0).nullable(),
  z.number().min(0).max(100).nullable(),
]);

const countSchema = z.int().min(0);

const eventSchema = z.object({
  at: z.string().max(40),
  type: z.enum(['Normal', 'Warning']),
  reason: z.string().max(64),
  message: z.string().max(256),
});

/** Unknown members are ignored everywhere, so that a newer node can say more. */
const summarySchema = z.object({
  v: z.literal(1),
  /** When it was written, by the clock of the node. */
  at: z.iso.datetime(),
  /** Nothing that is older than this says anything any more: the next would have been there. */
  withinSeconds: z.number().min(1).max(604_800),
  version: z.string().max(64),
  ready: z.boolean(),
  problems: z.array(z.string().max(256)).max(8),
  backend: z.string().max(32),
  /** Hash of the configuration in force; '' without any. */
  config: z.string().max(128),
  /** Whether a newer text is there that is not in force. */
  configInvalid: z.boolean(),
  cluster: z.enum(['synced', 'remembered', 'unknown']),
  subnets: z.array(z.string().max(64)).max(64),
  underlay: z.array(z.string().max(64)).max(8),
  pods: countSchema,
  peers: z.object({
    total: countSchema,
    silent: countSchema,
    unreachable: countSchema,
    waiting: countSchema,
    /** Whether `paths` has them all; else only those with a fault. */
    isWhole: z.boolean(),
  }),
  paths: z.array(peerSchema).max(SUMMARY_PEERS_MAX * 2),
  events: z.array(eventSchema).max(16),
});

export type NodeSummary = z.infer<typeof summarySchema>;

export type SummaryParse =
  | { readonly kind: 'ok'; readonly summary: NodeSummary }
  | { readonly kind: 'malformed'; readonly problem: string };

export function parseSummary(text: string): SummaryParse {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { kind: 'malformed', problem: `not JSON: ${String(error)}` };
  }
  const parsed = summarySchema.safeParse(json);
  if (parsed.success) return { kind: 'ok', summary: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  return { kind: 'malformed', problem: `${issue?.message ?? 'not a summary'}${where}` };
}

export const renderSummary = (summary: NodeSummary): string => JSON.stringify(summary);

/** Clocks of nodes differ, and a write takes its time. */
const SLACK_SECONDS = 30;

/** Since when the node has said nothing though it should have; undefined while it is in time. */
export function silentSince({ at, withinSeconds }: NodeSummary, now: Date): string | undefined {
  const ageSeconds = (now.getTime() - Date.parse(at)) / 1000;
  return ageSeconds > withinSeconds + SLACK_SECONDS ? at : undefined;
}
