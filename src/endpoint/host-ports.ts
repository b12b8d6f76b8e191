// Ports of the node that lead to a pod, as elements of maps of our nftables table. A mapping of any
// address is an element of a map by protocol and port, one of a single address of the node an
// element of a map by address, protocol and port, of each family that pod and mapping have. Pure:
// `desired` joins the elements of all attachments, ADD, DEL and CHECK look at those of one.

import type { Family } from '../net/family.ts';
import { FAMILIES } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { NftElement } from '../state/op.ts';
import type { Attachment, PortMapping } from './attachment.ts';

/** Names of the maps and sets, the rules of which are in src/desired/nft-host-ports.ts. */
export const HOST_PORT_SETS = {
  ipv4: { anyAddress: 'hostports4', oneAddress: 'hostips4', hairpins: 'hairpins4' },
  ipv6: { anyAddress: 'hostports6', oneAddress: 'hostips6', hairpins: 'hairpins6' },
} as const satisfies Record<Family, Record<string, string>>;

const ALL_SETS: readonly string[] = FAMILIES.flatMap((family) =>
  Object.values(HOST_PORT_SETS[family]),
);

/** As `hostIP`: all addresses of a family. */
const ANY_ADDRESS: Readonly<Record<Family, string>> = { ipv4: '0.0.0.0', ipv6: '::' };

export const isAnyAddress = (ip: Ip): boolean => ANY_ADDRESS[familyOf(ip)] === ip;

/** Whether a mapping is one of this family: all are that name no address. */
export const isOfFamily = ({ hostIp }: PortMapping, family: Family): boolean =>
  hostIp === undefined || familyOf(hostIp) === family;

type Mapped = Pick<Attachment, 'addresses' | 'portMappings'>;

export function hostPortElements({ addresses, portMappings = [] }: Mapped): NftElement[] {
  const elements: NftElement[] = [];
  for (const pod of addresses) {
    const family = familyOf(pod);
    const sets = HOST_PORT_SETS[family];
    const mappings = portMappings.filter((mapping) => isOfFamily(mapping, family));
    for (const { protocol, hostPort, containerPort, hostIp } of mappings) {
      const isAny = hostIp === undefined || isAnyAddress(hostIp);
      const key = `${protocol} . ${hostPort}`;
      elements.push({
        set: isAny ? sets.anyAddress : sets.oneAddress,
        element: `${isAny ? key : `${hostIp} . ${key}`} : ${pod} . ${containerPort}`,
      });
    }
    // A pod that reaches itself by a port of its node must not see its own address as the source.
    if (mappings.length > 0) elements.push({ set: sets.hairpins, element: `${pod} . ${pod}` });
  }
  return elements;
}

/** The elements of all sets, also of those that have none. */
export function hostPortSets(attachments: readonly Mapped[]): Map<string, Set<string>> {
  const sets = new Map(ALL_SETS.map((name) => [name, new Set<string>()]));
  for (const attachment of attachments) {
    if (attachment.portMappings === undefined) continue;
    for (const { set, element } of hostPortElements(attachment)) sets.get(set)?.add(element);
  }
  return sets;
}

/** The pod's address that an element is about; undefined when it is in none of these sets. */
export function podOfElement({ set, element }: NftElement): string | undefined {
  if (!ALL_SETS.includes(set)) return undefined;
  const [key = '', data] = element.split(' : ');
  return (data ?? key).split(' . ')[0];
}

/** Packets from 127.0.0.1 leave by the pod's host veth: the kernel has to be told. */
export const needsLocalnet = ({ addresses, portMappings = [] }: Mapped): boolean =>
  addresses.some((ip) => familyOf(ip) === 'ipv4') &&
  portMappings.some((mapping) => isOfFamily(mapping, 'ipv4'));

/** What `hostSide` sets for it. */
export const localnetSysctl = (hostLink: string): string => `ipv4/conf/${hostLink}/route_localnet`;
