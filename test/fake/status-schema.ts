// The status document as docs/status.md promises it, as a schema that refuses what is not in it: a
// member that is new, gone or of another type is a change of the contract. Whoever changes it here
// changes the page as well, which a test compares.

import * as z from 'zod';
import type { Status } from '../../src/agent/status.ts';

const texts = z.array(z.string());
const count = z.int().min(0);
const family = z.enum(['ipv4', 'ipv6']);
const path = z.enum(['vxlan', 'host-gw', 'bgp']);
const cidr = z.custom<Status['lease']['subnets'][number]>((value) => /\/\d+$/.test(String(value)));
const stamp = z.iso.datetime();
const percent = z.number().min(0).max(100);

const config = z.strictObject({
  hash: z.string(),
  origin: z.string(),
  backend: z.string(),
  problems: z.array(z.strictObject({ key: z.string(), value: z.string(), message: z.string() })),
});

const lease = z.strictObject({
  authority: z.string(),
  explanation: z.string(),
  subnets: z.array(cidr),
  usage: z.array(
    z.strictObject({
      subnet: cidr,
      total: z.number().min(0),
      used: count,
      resting: count,
      cooling: count,
      state: z.enum(['in use', 'draining', 'leaving']),
    }),
  ),
  reason: z.string(),
});

const peer = z.strictObject({
  peer: z.string(),
  family,
  subnets: z.array(cidr),
  configured: z.string(),
  receives: z.array(path),
  used: z.enum(['vxlan', 'host-gw', 'bgp', 'none']),
  reason: z.string(),
  waitsFor: path.optional(),
  mtu: z.strictObject({ foundBytes: count, believedBytes: count }).optional(),
  probe: z.enum(['untried', 'answers', 'silent']),
  latencyMs: z.number().min(0).optional(),
  lossPercent: percent.optional(),
});

const cni = z.strictObject({
  verbs: z.array(
    z.strictObject({
      verb: z.string(),
      calls: count,
      failures: count,
      medianMs: z.number().min(0),
      slowestMs: z.number().min(0),
    }),
  ),
  lastFailure: z
    .strictObject({ at: stamp, verb: z.string(), code: z.int(), message: z.string() })
    .optional(),
});

const session = z.strictObject({
  name: z.string(),
  neighbour: z.string(),
  neighbourAs: z.int().optional(),
  state: z.string(),
  since: z.string(),
  sinceSeconds: z.number().optional(),
  channels: z.array(
    z.strictObject({
      name: z.string(),
      imported: count,
      exported: count,
      importLimitHit: z.string().optional(),
    }),
  ),
  lastError: z.string().optional(),
  restarting: z.enum(['neighbour', 'own']).optional(),
  bfd: z.enum(['up', 'down']).optional(),
  hint: z.string(),
});

const bird = z.strictObject({
  version: z.string(),
  upSeconds: z.number(),
  isRecovering: z.boolean(),
  config: z.string().optional(),
  routes: count,
});

const bgp = z.strictObject({
  bird: bird.optional(),
  absence: z.string(),
  wanted: z.string(),
  problems: texts,
  leftOut: texts,
  sessions: z.array(session),
});

export const statusSchema = z.strictObject({
  schema: z.literal(1),
  version: z.string(),
  node: z.string(),
  startedAt: stamp,
  ready: z.boolean(),
  problems: texts,
  config,
  cluster: z.enum(['synced', 'remembered', 'unknown']),
  lease,
  families: z.array(
    z.strictObject({
      family,
      network: cidr,
      state: z.enum(['served', 'kept', 'absent']),
      reason: z.string(),
    }),
  ),
  underlay: z.array(
    z.strictObject({
      family,
      link: z.string(),
      address: z.string(),
      publicAddress: z.string().optional(),
      mtuBytes: count,
      chosenBy: z.string(),
    }),
  ),
  podMtuBytes: z.strictObject({ link: count, route: count }),
  devices: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.literal('vxlan'),
      up: z.boolean(),
      vni: count,
      port: count,
      mac: z.string(),
      mtuBytes: count,
      local: z.string(),
    }),
  ),
  peers: z.array(peer),
  nodeProblems: z.record(z.string(), texts),
  silentPaths: texts,
  silent: z.array(
    z.strictObject({
      peer: z.string(),
      family,
      path,
      isUsed: z.boolean(),
      isOfSizeOnly: z.boolean(),
    }),
  ),
  foreignDrops: texts,
  fights: texts,
  pods: z.strictObject({
    attached: count,
    hostPorts: count,
    broken: texts,
    isolated: texts,
    unread: texts,
    mtu: texts,
  }),
  cni,
  drift: z.strictObject({
    repaired: count,
    byObject: z.record(z.string(), count),
    last: z.array(z.strictObject({ at: stamp, object: z.string() })),
  }),
  events: z.array(
    z.strictObject({
      at: stamp,
      type: z.enum(['Normal', 'Warning']),
      reason: z.string(),
      message: z.string(),
    }),
  ),
  flannel: z
    .strictObject({
      devices: z.array(z.strictObject({ name: z.string(), from: z.string() })),
      bridge: z.string().optional(),
      pods: count,
    })
    .optional(),
  bgp: bgp.optional(),
  source: z.strictObject({
    synced: z.boolean(),
    problem: z.string().optional(),
    lastContactAgeSeconds: z.number().optional(),
  }),
  clockJumps: texts,
  reconcile: z.strictObject({
    passes: count,
    config: z.string(),
    lastDurationMs: z.number(),
    lastOps: count,
    failures: texts,
  }),
});

/** Every member by its path, as `peers[].latencyMs`, with its type. */
export function membersOf(): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  collect(z.toJSONSchema(statusSchema, { unrepresentable: 'any' }) as JsonSchema, '', members);
  return members;
}

type JsonSchema = {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | false;
};

function collect(schema: JsonSchema, path: string, members: Map<string, string>): void {
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const isOptional = schema.required?.includes(name) !== true;
    const at = path === '' ? name : `${path}.${name}`;
    collectMember(inner, { at, isOptional }, members);
  }
}

function collectMember(
  schema: JsonSchema,
  { at, isOptional }: { readonly at: string; readonly isOptional: boolean },
  members: Map<string, string>,
): void {
  const optional = isOptional ? ', may be absent' : '';
  if (schema.type === 'array' && schema.items !== undefined) {
    members.set(`${at}[]`, `list of ${typeOf(schema.items)}${optional}`);
    collect(schema.items, `${at}[]`, members);
    return;
  }
  members.set(at, `${typeOf(schema)}${optional}`);
  collect(schema, at, members);
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum !== undefined) return schema.enum.join(', ');
  if (typeof schema.additionalProperties === 'object' && schema.properties === undefined) {
    const { additionalProperties: values } = schema;
    const { items } = values;
    return `${items === undefined ? typeOf(values) : `list of ${typeOf(items)}`} by name`;
  }
  // Of networks, which JSON Schema has no type for.
  return schema.type ?? 'string';
}
