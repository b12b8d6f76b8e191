// What the disk remembers of the cluster and of the node's right to its subnets, as text: JSON that
// a person can read, one node a line. Reading is strict: a text of another version, of another node
// or machine, or with anything that does not make sense is refused as a whole, with the reason.
// Pure.

import * as z from 'zod';
import { readAdvert } from '../cluster/advert.ts';
import type { Remembered } from '../cluster/cluster.ts';
import type { HoldingEnd } from '../cluster/holding.ts';
import type { ClusterNode } from '../cluster/node.ts';
import { newerFormat } from '../lib/state-format.ts';
import type { Cidr } from '../net/cidr.ts';
import { parseCidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import { parseIp } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import { parseMac } from '../net/mac.ts';
import type { RememberedHolding } from './lease-keeper.ts';

const VERSION = 1;

/** Whose memory it is: another node's, or that of a disk moved to another machine, is none. */
export type Owner = { readonly node: string; readonly machine: string };

/** Where a moment lies: CLOCK_BOOTTIME means something within one boot only. */
export type Moment = { readonly bootId: string; readonly boottimeMs: number; readonly now: Date };

export type SnapshotParse<Value> =
  | { readonly kind: 'ok'; readonly value: Value }
  | { readonly kind: 'unusable'; readonly problem: string }
  /** To be kept for the version of Poplin that wrote it. */
  | { readonly kind: 'newer'; readonly version: number; readonly problem: string };

export function renderCluster(
  owner: Owner,
  { config, nodes }: Pick<Remembered, 'config' | 'nodes'>,
): string {
  const head = JSON.stringify({ version: VERSION, ...owner, config }).slice(0, -1);
  const lines = [...nodes.values()].map((node) => `  ${JSON.stringify(node)}`);
  return `${head},"nodes":[\n${lines.join(',\n')}\n]}\n`;
}

export function renderHolding(
  owner: Owner,
  holding: RememberedHolding,
  { bootId, boottimeMs }: Moment,
): string {
  const boot = { id: bootId, boottimeMs };
  return `${JSON.stringify({ version: VERSION, ...owner, boot, holding }, null, 2)}\n`;
}

export function parseCluster(text: string, owner: Owner): SnapshotParse<Remembered> {
  const read = readOwned(text, owner, clusterSchema);
  if (read.kind !== 'ok') return read;
  const { config, nodes } = read.value;
  const byName = new Map(nodes.map((node) => [node.name, node as ClusterNode]));
  return { kind: 'ok', value: { kind: 'remembered', config, nodes: byName } };
}

/** With its end by the CLOCK_BOOTTIME of `at`, whatever boot it was written in. */
export function parseHolding(
  text: string,
  owner: Owner,
  at: Moment,
): SnapshotParse<RememberedHolding> {
  const read = readOwned(text, owner, holdingSchema);
  if (read.kind !== 'ok') return read;
  const { end, authority, ...rest } = read.value.holding;
  const { boot } = read.value;
  const isSameBoot = boot.id === at.bootId && boot.boottimeMs <= at.boottimeMs;
  const value = {
    ...rest,
    authority,
    ...(isSameBoot ? {} : { isOfEarlierBoot: true }),
    ...(end === undefined ? {} : { end: isSameBoot ? end : afterReboot(end, at) }),
  };
  return { kind: 'ok', value };
}

/** Only the wall clock has gone on meanwhile. */
const afterReboot = ({ wallClockMs }: HoldingEnd, { boottimeMs, now }: Moment): HoldingEnd => ({
  wallClockMs,
  boottimeMs: boottimeMs + wallClockMs - now.getTime(),
});

function readOwned<Schema extends z.ZodType>(
  text: string,
  owner: Owner,
  schema: Schema,
): SnapshotParse<z.output<Schema>> {
  const unusable = (problem: string) => ({ kind: 'unusable', problem }) as const;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return unusable('it is not JSON');
  }
  const head = headSchema.safeParse(json);
  if (!head.success) return unusable('it names no version, node and machine');
  const { version, node, machine } = head.data;
  if (version > VERSION) {
    return { kind: 'newer', version, problem: newerFormat(version, VERSION) };
  }
  if (version !== VERSION) return unusable(`its version is ${version}, not ${VERSION}`);
  if (node !== owner.node) return unusable(`it is of the node ${node}`);
  if (machine !== owner.machine) return unusable(`it is of another machine named ${node}`);
  const parsed = schema.safeParse(json);
  if (parsed.success) return { kind: 'ok', value: parsed.data };
  const [issue] = parsed.error.issues;
  return unusable(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}`);
}

/** A text that has a canonical form, which is what the project writes everywhere. */
const canonical = <Value extends string>(
  what: string,
  parse: (text: string) => Value | undefined,
): z.ZodType<Value> =>
  z.custom<Value>((value) => typeof value === 'string' && parse(value) === value, {
    message: `not ${what}`,
  });

const ipSchema = canonical<Ip>('an address', parseIp);
const cidrSchema = canonical<Cidr>('a network', parseCidr);
const macSchema = canonical<Mac>('an Ethernet address', parseMac);

const headSchema = z.object({ version: z.int(), node: z.string(), machine: z.string() });

const advertSchema = z.unknown().transform((json, context) => {
  const parsed = readAdvert(json);
  if (parsed.kind === 'ok') return parsed.advert;
  context.addIssue({ code: 'custom', message: parsed.problem });
  return z.NEVER;
});

const nodeSchema = z.object({
  name: z.string().min(1),
  uid: z.string(),
  createdAt: z.string(),
  subnets: z.array(cidrSchema),
  internalIps: z.array(ipSchema),
  advert: advertSchema.optional(),
  flannel: z
    .object({
      backendType: z.string(),
      publicIps: z.array(ipSchema),
      vxlan: z.array(z.object({ publicIp: ipSchema, vni: z.int(), mac: macSchema })),
    })
    .optional(),
  addressWords: z
    .object({ publicIps: z.array(ipSchema), overwrites: z.array(ipSchema) })
    .optional(),
  labels: z.record(z.string(), z.string()).optional(),
  problems: z.array(z.string()),
});

const clusterSchema = z.object({
  config: z.object({ text: z.string(), origin: z.string() }),
  nodes: z.array(nodeSchema),
});

const holdingSchema = z.object({
  boot: z.object({ id: z.string(), boottimeMs: z.number() }),
  holding: z.object({
    authority: z.enum(['podCIDR', 'lease', 'etcd']).optional(),
    explanation: z.string(),
    subnets: z.array(cidrSchema),
    end: z.object({ boottimeMs: z.number(), wallClockMs: z.number() }).optional(),
    isLost: z.boolean(),
  }),
});
