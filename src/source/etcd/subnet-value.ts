// The value of a subnet key, which is Flannel's: what its nodes need to send to the holder. Read
// and written exactly as Flannel does (pkg/lease/lease.go, LeaseAttrs), so that nodes of both kinds
// find each other. Pure; what is malformed becomes a problem in words.

import { mainReceivers } from '../../cluster/advert.ts';
import type { FlannelNode } from '../../cluster/node.ts';
import type { Family } from '../../net/family.ts';
import { FAMILIES } from '../../net/family.ts';
import type { Ip } from '../../net/ip.ts';
import { familyOf, parseIp } from '../../net/ip.ts';
import type { FlannelParse, FlannelPublication } from '../kubernetes/flannel-annotations.ts';
import { parseVxlanData, shown } from '../kubernetes/flannel-annotations.ts';
import type { Publication } from '../source.ts';

/** By family: where the address and the backend's data stand. */
const MEMBERS = {
  ipv4: { publicIp: 'PublicIP', data: 'BackendData' },
  ipv6: { publicIp: 'PublicIPv6', data: 'BackendV6Data' },
} as const satisfies Record<Family, { publicIp: string; data: string }>;

/** Flannel's name for a node that holds a subnet and sends nothing: others leave it alone. */
const NO_BACKEND = 'alloc';

/** Flannel requires an IPv4 address, and does not use this one. */
const NO_ADDRESS = '0.0.0.0';

export function parseSubnetValue(text: string): FlannelParse {
  const json = parseObject(text);
  if (json === undefined) return { problems: [`its value is not a JSON object: ${shown(text)}`] };
  const problems: string[] = [];
  const { BackendType: backendType } = json;
  if (typeof backendType !== 'string' || backendType === '') {
    return { problems: [`BackendType: ${shown(backendType)} is not the name of a backend`] };
  }
  if (backendType === NO_BACKEND) return { problems };
  const publicIps: Ip[] = [];
  const vxlan: FlannelNode['vxlan'][number][] = [];
  for (const family of FAMILIES) {
    const { publicIp: member, data: dataMember } = MEMBERS[family];
    const publicIp = addressOf(json[member], family);
    if (publicIp === 'malformed') {
      problems.push(`${member}: ${shown(json[member])} is not an ${NAMES[family]} address`);
      continue;
    }
    if (publicIp !== undefined) publicIps.push(publicIp);
    const data = json[dataMember];
    if (backendType !== 'vxlan' || data === undefined || data === null) continue;
    const parsed = parseVxlanData(JSON.stringify(data));
    if (parsed === undefined) {
      const wanted = '{"VNI":1,"VtepMAC":"0a:00:00:00:00:01"}';
      problems.push(`${dataMember}: ${shown(data)} is not of the form ${wanted}`);
    } else if (publicIp !== undefined) {
      vxlan.push({ publicIp, ...parsed });
    }
  }
  return { flannel: { backendType, publicIps, vxlan }, problems };
}

const NAMES = { ipv4: 'IPv4', ipv6: 'IPv6' } as const satisfies Record<Family, string>;

/** The value of a node that has published this, or has published nothing yet. */
export function renderSubnetValue(
  addresses: readonly Ip[],
  publication: Publication | undefined,
): string {
  if (publication === undefined) {
    return render({ backendType: NO_BACKEND, publicIps: addresses, vxlan: [] });
  }
  const { advert, backend } = publication;
  const vxlan = backend === 'vxlan' ? mainReceivers(advert.receives.vxlan) : [];
  return render({ backendType: backend, publicIps: advert.underlay, vxlan });
}

/** Members in Flannel's order; what a backend has no data for is left out, as there. */
function render({ backendType, publicIps, vxlan }: FlannelPublication): string {
  const publicIp = (family: Family): Ip | undefined =>
    publicIps.find((ip) => familyOf(ip) === family);
  const data = (family: Family): { VNI: number; VtepMAC: string } | undefined => {
    const found = vxlan.find((each) => each.family === family);
    return found === undefined ? undefined : { VNI: found.vni, VtepMAC: found.mac };
  };
  return JSON.stringify({
    PublicIP: publicIp('ipv4') ?? NO_ADDRESS,
    PublicIPv6: publicIp('ipv6') ?? null,
    BackendType: backendType,
    BackendData: data('ipv4'),
    BackendV6Data: data('ipv6'),
  });
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function addressOf(value: unknown, family: Family): Ip | 'malformed' | undefined {
  if (value === undefined || value === null || value === '' || value === NO_ADDRESS) {
    return undefined;
  }
  const ip = typeof value === 'string' ? parseIp(value) : undefined;
  return ip === undefined || familyOf(ip) !== family ? 'malformed' : ip;
}
