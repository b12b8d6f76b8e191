// The advert: what a node publishes about itself for its peers (annotation `poplin.dev/advert`, or
// an etcd key). It says by which backends the node can receive and by which it sends, side by side,
// so that every sender decides by itself. A malformed advert is a value, not an exception: it
// concerns its one node and nobody else. Subnets are never taken from an advert.

import * as z from 'zod';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, parseIp } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import { parseMac } from '../net/mac.ts';

export type VxlanReceiver = {
  readonly family: Family;
  readonly vni: number;
  readonly port: number;
  readonly mac: Mac;
  /** Absent: false. Who has to take over the network must make devices that are alike. */
  readonly gbp?: boolean;
};

/** One VXLAN network: devices of another VNI or port do not hear it. */
export type VxlanId = { readonly vni: number; readonly port: number };

/** Those of the network that the node would be sent by; others are of a change under way. */
export const mainReceivers = (receivers: readonly VxlanReceiver[]): readonly VxlanReceiver[] => {
  const [first] = receivers;
  return receivers.filter(({ vni, port }) => vni === first?.vni && port === first.port);
};

export type HostGwReceiver = { readonly family: Family };

/** Its BIRD works by a configuration that holds: it announces its subnets, and takes part. */
export type BgpReceiver = { readonly family: Family; readonly as?: number };

export const PATH_NAMES = ['vxlan', 'host-gw', 'bgp'] as const;
export type PathName = (typeof PATH_NAMES)[number];
/** Those that Flannel has as well. */
export type FlannelPath = Exclude<PathName, 'bgp'>;

export type Advert = {
  readonly v: 1;
  /** Identity of the machine: tells two machines with one node name apart. */
  readonly machine: string;
  readonly underlay: readonly Ip[];
  /** Those that this node's pods have or get; of each it is to be served by all. */
  readonly families: readonly Family[];
  readonly receiveMtuBytes: number;
  readonly receives: {
    readonly vxlan: readonly VxlanReceiver[];
    readonly 'host-gw': readonly HostGwReceiver[];
    /** Plain packets: what matters is that others get routes to it. Absent: nothing of the kind. */
    readonly bgp?: readonly BgpReceiver[];
  };
  /** Every path kind that this node still sends by; receivers keep what is needed for these. */
  readonly sends: readonly PathName[];
  /** The VXLAN networks that it still sends by: while a change is under way these are several. */
  readonly sendsVxlan: readonly VxlanId[];
  /** Hash of the configuration that the node works by. */
  readonly config: string;
};

const ipSchema = z.string().transform((text, context): Ip => {
  const ip = parseIp(text);
  if (ip === undefined)
    context.addIssue({ code: 'custom', message: `"${text}" is not an address` });
  return ip ?? (text as Ip);
});

const macSchema = z.string().transform((text, context): Mac => {
  const mac = parseMac(text);
  if (mac === undefined) {
    context.addIssue({ code: 'custom', message: `"${text}" is not an Ethernet address` });
  }
  return mac ?? (text as Mac);
});

const familySchema = z.enum(['ipv4', 'ipv6']);

const vxlanIdShape = {
  vni: z.int().min(0).max(0xff_ffff),
  port: z.int().min(1).max(65_535),
};

const receiverSchema = z
  .object({ family: familySchema, ...vxlanIdShape, mac: macSchema, gbp: z.boolean().optional() })
  .transform(({ gbp, ...rest }): VxlanReceiver => (gbp === undefined ? rest : { ...rest, gbp }));

const bgpReceiverSchema = z
  .object({ family: familySchema, as: z.int().min(1).max(0xffff_ffff).optional() })
  .transform(({ family, as }): BgpReceiver => (as === undefined ? { family } : { family, as }));

/** Unknown members are ignored everywhere, so that a newer node can say more. */
const advertSchema = z.object({
  v: z.literal(1),
  machine: z.string().max(128),
  underlay: z.array(ipSchema).max(8),
  families: z.array(familySchema).max(2).optional(),
  receiveMtuBytes: z.int().min(576).max(65_535),
  receives: z.object({
    vxlan: z.array(receiverSchema).max(16).default([]),
    'host-gw': z
      .array(z.object({ family: familySchema }))
      .max(2)
      .default([]),
    bgp: z.array(bgpReceiverSchema).max(2).optional(),
  }),
  sends: z.array(z.string()).max(16),
  sendsVxlan: z.array(z.object(vxlanIdShape)).max(16).default([]),
  config: z.string().max(128),
});

export type AdvertParse =
  | { readonly kind: 'ok'; readonly advert: Advert }
  | { readonly kind: 'malformed'; readonly problem: string };

export function parseAdvert(text: string): AdvertParse {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { kind: 'malformed', problem: `not JSON: ${String(error)}` };
  }
  return readAdvert(json);
}

export function readAdvert(json: unknown): AdvertParse {
  const parsed = advertSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where =
      issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
    return { kind: 'malformed', problem: `${issue?.message ?? 'not an advert'}${where}` };
  }
  const { sends, families, receives: received, ...rest } = parsed.data;
  const { bgp, ...receives } = received;
  // An older node uses every family in which it is reached.
  const used = families ?? [...new Set(rest.underlay.map(familyOf))];
  const advert = { ...rest, receives: bgp === undefined ? receives : { ...receives, bgp } };
  return { kind: 'ok', advert: { ...advert, families: used, sends: sends.filter(isPathName) } };
}

/** What thousands of nodes say in the same words is kept once, and what a node says twice. */
export const withSharedLists = (advert: Advert, internalIps: readonly Ip[]): Advert => ({
  ...advert,
  underlay: shared([internalIps], advert.underlay, String),
  families: shared(FAMILY_LISTS, advert.families, String),
  receives: {
    ...advert.receives,
    'host-gw': shared(HOST_GW_LISTS, advert.receives['host-gw'], ({ family }) => family),
  },
  sends: shared(SENDS_LISTS, advert.sends, String),
});

const FAMILY_LISTS: readonly (readonly Family[])[] = [['ipv4'], ['ipv6'], ['ipv4', 'ipv6']];
const HOST_GW_LISTS = FAMILY_LISTS.map((list) => list.map((family) => ({ family })));
const SENDS_LISTS: readonly (readonly PathName[])[] = [['vxlan'], ['host-gw'], ['bgp']];

function shared<Item>(
  lists: readonly (readonly Item[])[],
  list: readonly Item[],
  textOf: (item: Item) => string,
): readonly Item[] {
  const isSame = (other: readonly Item[]): boolean =>
    other.length === list.length &&
    other.every((item, at) => textOf(item) === textOf(list[at] ?? item));
  return lists.find(isSame) ?? list;
}

/** Members in a fixed order, so that an unchanged advert is the same text. */
export const renderAdvert = (advert: Advert): string =>
  JSON.stringify({
    v: advert.v,
    machine: advert.machine,
    underlay: advert.underlay,
    families: advert.families,
    receiveMtuBytes: advert.receiveMtuBytes,
    receives: {
      vxlan: advert.receives.vxlan,
      'host-gw': advert.receives['host-gw'],
      ...(advert.receives.bgp === undefined ? {} : { bgp: advert.receives.bgp }),
    },
    sends: [...advert.sends].sort(),
    sendsVxlan: advert.sendsVxlan.map(({ vni, port }) => ({ vni, port })),
    config: advert.config,
  });

const isPathName = (text: string): text is PathName =>
  (PATH_NAMES as readonly string[]).includes(text);

/** By what it sends changes with each peer's path, and promises nobody anything. */
export const renderPromise = (advert: Advert): string =>
  renderAdvert({ ...advert, sends: [], sendsVxlan: [] });
