// Flannel's annotations of a Node, read and written, so that Flannel's nodes and ours can be peers.
// What is malformed becomes a problem in words and leaves the rest of the node usable. Pure.

import type { FlannelNode } from '../../cluster/node.ts';
import type { Family } from '../../net/family.ts';
import { FAMILIES } from '../../net/family.ts';
import type { Ip } from '../../net/ip.ts';
import { familyOf, parseIp } from '../../net/ip.ts';
import type { Mac } from '../../net/mac.ts';
import { parseMac } from '../../net/mac.ts';
import {
  FLANNEL_BACKEND_TYPE,
  FLANNEL_FAMILY,
  FLANNEL_MANAGED,
  FLANNEL_PREFIX,
} from './annotations.ts';

export type Annotations = Readonly<Record<string, string>>;

/** By name; null: there must be none of this name. */
export type AnnotationPatch = Readonly<Record<string, string | null>>;

export type FlannelParse = {
  readonly flannel?: FlannelNode;
  readonly problems: readonly string[];
};

type VxlanData = { readonly vni: number; readonly mac: Mac };

const LARGEST_VNI = 0xff_ffff;

/** Flannel's default, which its older versions did not write down. */
const DEFAULT_VNI = 1;

/** No `flannel` when the node takes no part in Flannel, or does not say by which backend. */
export function parseFlannel(annotations: Annotations, prefix = FLANNEL_PREFIX): FlannelParse {
  const at = (name: string): string | undefined => textOf(annotations, `${prefix}/${name}`);
  if (at(FLANNEL_MANAGED) !== 'true') return { problems: [] };
  const problems: string[] = [];
  const report = (name: string, wanted: string): undefined => {
    problems.push(`annotation ${prefix}/${name}: ${shown(at(name))} is not ${wanted}`);
    return undefined;
  };
  const backendType = at(FLANNEL_BACKEND_TYPE) ?? '';
  if (backendType === '') {
    report(FLANNEL_BACKEND_TYPE, 'the name of a backend');
    return { problems };
  }
  const publicIps: Ip[] = [];
  const vxlan: FlannelNode['vxlan'][number][] = [];
  for (const family of FAMILIES) {
    const publicIp = parsePublicIp(family, at, report);
    if (publicIp !== undefined) publicIps.push(publicIp);
    const { data: name } = FLANNEL_FAMILY[family];
    const text = at(name);
    if (backendType !== 'vxlan' || text === undefined || text === 'null') continue;
    const data = parseVxlanData(text);
    if (data === undefined) report(name, 'of the form {"VNI":1,"VtepMAC":"0a:00:00:00:00:01"}');
    else if (publicIp !== undefined) vxlan.push({ publicIp, ...data });
  }
  return { flannel: { backendType, publicIps, vxlan }, problems };
}

const addressOf = (family: Family): string => `an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address`;

/** What is wrong with an annotation that is to be an address. */
export const notOfFamily = (annotation: string, text: string, family: Family): string =>
  `annotation ${annotation}: ${shown(text)} is not ${addressOf(family)}`;

type Read = (name: string) => string | undefined;
type Report = (name: string, wanted: string) => undefined;

/** The user's word wins, also before Flannel itself has taken it over. */
function parsePublicIp(family: Family, at: Read, report: Report): Ip | undefined {
  const { publicIp, overwrite } = FLANNEL_FAMILY[family];
  for (const name of [overwrite, publicIp]) {
    const text = at(name);
    if (text === undefined || text === '') continue;
    const ip = parseIp(text);
    if (ip !== undefined && familyOf(ip) === family) return ip;
    report(name, addressOf(family));
  }
  return undefined;
}

export function parseVxlanData(text: string): VxlanData | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { VNI: vni = DEFAULT_VNI, VtepMAC: address } = json as Record<string, unknown>;
  const mac = typeof address === 'string' ? parseMac(address) : undefined;
  const isVni = Number.isInteger(vni) && Number(vni) >= 0 && Number(vni) <= LARGEST_VNI;
  return mac === undefined || !isVni ? undefined : { vni: Number(vni), mac };
}

/** What a node says of itself to Flannel's nodes. */
export type FlannelPublication = {
  readonly backendType: string;
  /** At most one per family. */
  readonly publicIps: readonly Ip[];
  /** Where the backend has data for a family. */
  readonly vxlan: readonly ({ readonly family: Family } & VxlanData)[];
};

/** Names of all annotations that `renderFlannel` writes. */
export const flannelNames = (prefix?: string): readonly string[] =>
  Object.keys(renderFlannel({ backendType: '', publicIps: [], vxlan: [] }, prefix));

/** Every annotation that Flannel's nodes write; null removes one that does not apply. */
export function renderFlannel(
  publication: FlannelPublication,
  prefix = FLANNEL_PREFIX,
): AnnotationPatch {
  const { backendType, publicIps, vxlan } = publication;
  const ofFamily = FAMILIES.flatMap((family) => {
    const names = FLANNEL_FAMILY[family];
    const publicIp = publicIps.find((ip) => familyOf(ip) === family) ?? null;
    const data = vxlan.find((each) => each.family === family);
    // Without an address nobody can send to this family. Flannel itself writes "null" where a
    // backend has no data.
    const json = data === undefined ? 'null' : JSON.stringify({ VNI: data.vni, VtepMAC: data.mac });
    return [
      [`${prefix}/${names.publicIp}`, publicIp],
      [`${prefix}/${names.data}`, publicIp === null ? null : json],
    ];
  });
  return {
    [`${prefix}/${FLANNEL_MANAGED}`]: 'true',
    [`${prefix}/${FLANNEL_BACKEND_TYPE}`]: backendType,
    ...Object.fromEntries(ofFamily),
  };
}

const textOf = (annotations: Annotations, name: string): string | undefined =>
  Object.hasOwn(annotations, name) ? annotations[name] : undefined;

const LONGEST_SHOWN = 80;

/** A value as messages show it: quoted, and not longer than a line. */
export const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
};
