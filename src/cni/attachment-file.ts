// One attachment as a file: its name and its content. The name alone says which attachment it is,
// which addresses it holds and whether its ADD has succeeded, so that a file whose content is lost
// still reserves its addresses and can still be released. Pure.
//
//   poplin0a1b2c3d4_10.244.1.5_fd00:10:244:1::5.json      (`.pending` until ADD has succeeded)
//
// The name is the same in all formats. Format 1 had neither `version` nor the namespace's cookie.

import * as z from 'zod';
import type { Attachment, Bandwidth, PortMapping } from '../endpoint/attachment.ts';
import { formatVersionOf, newerFormat } from '../lib/state-format.ts';
import type { Cidr } from '../net/cidr.ts';
import { parseCidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import { parseIp } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import { parseMac } from '../net/mac.ts';
import { isPodLink } from '../state/own.ts';

const VERSION = 2;

export type AttachmentFileName = {
  readonly hostLink: string;
  readonly addresses: readonly Ip[];
  readonly isPending: boolean;
};

export const renderFileName = ({ hostLink, addresses, isPending }: AttachmentFileName): string =>
  `${[hostLink, ...addresses].join('_')}.${isPending ? 'pending' : 'json'}`;

/** `undefined` for a file that is not an attachment's. */
export function parseFileName(name: string): AttachmentFileName | undefined {
  const match = /^(.*)\.(json|pending)$/.exec(name);
  const [hostLink = '', ...texts] = (match?.[1] ?? '').split('_');
  if (match === null || !isPodLink(hostLink) || texts.length === 0) return undefined;
  const addresses: Ip[] = [];
  for (const text of texts) {
    const address = parseIp(text);
    if (address === undefined) return undefined;
    addresses.push(address);
  }
  return { hostLink, addresses, isPending: match[2] === 'pending' };
}

const ipSchema = z.custom<Ip>((value) => typeof value === 'string' && parseIp(value) === value);
const cidrSchema = z.custom<Cidr>(
  (value) => typeof value === 'string' && parseCidr(value) === value,
);
const macSchema = z.custom<Mac>((value) => typeof value === 'string' && parseMac(value) === value);

const rateSchema = z.object({ bitsPerSecond: z.int().min(1), burstBits: z.int().min(0) });
const bandwidthSchema = z.object({
  ingress: rateSchema.optional(),
  egress: rateSchema.optional(),
});

const portSchema = z.int().min(1).max(65_535);
const mappingSchema = z.object({
  protocol: z.enum(['tcp', 'udp', 'sctp']),
  hostPort: portSchema,
  containerPort: portSchema,
  hostIp: ipSchema.optional(),
});

const attachmentSchema = z.object({
  network: z.string(),
  containerId: z.string(),
  ifName: z.string(),
  netns: z.string(),
  netnsInode: z.int(),
  netnsCookie: z.string().optional(),
  hostLink: z.string(),
  hostMac: macSchema,
  podMac: macSchema,
  addresses: z.array(ipSchema).min(1).max(2),
  linkMtuBytes: z.int().min(1),
  routeMtuBytes: z.int().min(1),
  subnets: z.array(cidrSchema).optional(),
  bandwidth: bandwidthSchema.optional(),
  portMappings: z.array(mappingSchema).optional(),
  pod: z.object({ namespace: z.string(), name: z.string() }).optional(),
  createdAt: z.string(),
});

export const renderAttachment = (attachment: Attachment): string =>
  `${JSON.stringify({ version: VERSION, ...attachment }, null, 2)}\n`;

export type AttachmentParse =
  | { readonly kind: 'ok'; readonly attachment: Attachment }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Of a text that is an attachment, and the one that the name says. */
export function parseAttachment(text: string, name: AttachmentFileName): AttachmentParse {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return unreadable('it is not JSON');
  }
  const version = formatVersionOf(json);
  if (version > VERSION) return unreadable(newerFormat(version, VERSION));
  const parsed = attachmentSchema.safeParse(json);
  if (!parsed.success) return unreadable('it is not an attachment');
  const { pod, bandwidth, netnsCookie, portMappings, subnets, ...rest } = parsed.data;
  if (rest.hostLink !== name.hostLink || rest.addresses.join() !== name.addresses.join()) {
    return unreadable('it is another attachment than its name says');
  }
  const attachment = {
    ...rest,
    ...(netnsCookie === undefined ? {} : { netnsCookie }),
    ...(subnets === undefined ? {} : { subnets }),
    ...(bandwidth === undefined ? {} : { bandwidth: bandwidthFrom(bandwidth) }),
    ...(portMappings === undefined ? {} : { portMappings: portMappings.map(withoutUndefined) }),
    ...(pod === undefined ? {} : { pod }),
  };
  return { kind: 'ok', attachment };
}

const bandwidthFrom = ({ ingress, egress }: z.infer<typeof bandwidthSchema>): Bandwidth => ({
  ...(ingress === undefined ? {} : { ingress }),
  ...(egress === undefined ? {} : { egress }),
});

const withoutUndefined = ({ hostIp, ...rest }: z.infer<typeof mappingSchema>): PortMapping =>
  hostIp === undefined ? rest : { ...rest, hostIp };

const unreadable = (problem: string) => ({ kind: 'unreadable', problem }) as const;
