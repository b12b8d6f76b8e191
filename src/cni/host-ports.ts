// Ports of the node that lead to a pod, as ADD, DEL and CHECK see them: who holds them, and their
// elements in the kernel's maps. They come last in ADD and go first in DEL. What the kernel
// remembers of UDP to such a port, which has no end that it would notice, is forgotten with them;
// everything else of a pod's address after its DEL, when there is time (connection-sweeper.ts).

import type { Attachment, PortMapping } from '../endpoint/attachment.ts';
import {
  hostPortElements,
  hostPortSets,
  isAnyAddress,
  isOfFamily,
  localnetSysctl,
  needsLocalnet,
  podOfElement,
} from '../endpoint/host-ports.ts';
import type { Kernel, StaleConnections } from '../kernel/kernel.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrFamily } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { NftElement, Op } from '../state/op.ts';
import type { CniWork } from './context.ts';
import { endpointScope } from './endpoint-kernel.ts';
import type { Verdict } from './errors.ts';
import { CNI_CODES, failed } from './errors.ts';
import { isSamePort, unservedMapping } from './port-mappings.ts';
import type { AttachmentStore } from './store.ts';
import type { StoredAttachment } from './stored-attachment.ts';

/** To be asked right before the attachment is reserved, with nothing in between. */
export function refusedPorts(
  mappings: readonly PortMapping[],
  subnets: readonly Cidr[],
  store: AttachmentStore,
): Verdict | undefined {
  if (mappings.length === 0) return undefined;
  const unserved = unservedMapping(mappings, new Set(subnets.map(cidrFamily)));
  if (unserved !== undefined) return { kind: 'failed', failure: unserved };
  // Also of pods that are being added or removed: their ports are in the kernel, or about to be.
  for (const { attachment } of store.entries()) {
    for (const held of attachment?.portMappings ?? []) {
      if (attachment === undefined || !mappings.some((wanted) => isSamePort(wanted, held)))
        continue;
      const message = `host port ${describePort(held)} is taken`;
      return failed(CNI_CODES.hostPortTaken, message, `${describeHolder(attachment)} holds it`);
    }
  }
  return undefined;
}

const describePort = ({ hostPort, protocol, hostIp }: PortMapping): string =>
  `${hostPort}/${protocol}${hostIp === undefined ? '' : ` of ${hostIp}`}`;

function describeHolder({ pod, containerId, ifName }: Attachment): string {
  const container = `container ${containerId} (${ifName})`;
  return pod === undefined ? container : `pod ${pod.namespace}/${pod.name}, ${container},`;
}

/** Throws the AppError of the first element that the kernel refused. */
export async function openHostPorts(context: CniWork, attachment: Attachment): Promise<void> {
  if (attachment.portMappings === undefined) return;
  await applyElements(context.host, 'add', hostPortElements(attachment));
  await forget(
    context,
    attachment.portMappings.flatMap((one) => staleUdp(one, attachment)),
  );
}

/** Throws AppError; what is gone already is a success. */
export async function closeHostPorts(
  { host }: CniWork,
  { attachment, name }: StoredAttachment,
): Promise<void> {
  if (attachment?.portMappings !== undefined) {
    await applyElements(host, 'remove', hostPortElements(attachment));
  } else if (attachment === undefined) {
    await applyElements(host, 'remove', elementsOf(host, name.addresses));
  }
}

/** When its link is gone as well, so that it sends nothing any more. */
export async function forgetHostPorts(context: CniWork, stored: StoredAttachment): Promise<void> {
  const mappings = stored.attachment?.portMappings ?? [];
  if (!mappings.some(({ protocol }) => protocol === 'udp')) return;
  const { addresses } = stored.name;
  await forget(
    context,
    addresses.map((address) => ({ kind: 'answered-by', address })),
  );
}

/** What CHECK finds missing or changed. */
export function hostPortFaults({ host }: CniWork, attachment: Attachment): string[] {
  if (attachment.portMappings === undefined) return [];
  const sysctl = localnetSysctl(attachment.hostLink);
  const scope = { ...endpointScope(attachment.hostLink), nft: true, sysctls: [sysctl] };
  const { nftSets, sysctls } = host.read(scope);
  const faults: string[] = [];
  for (const { set, element } of hostPortElements(attachment)) {
    if (nftSets.get(set)?.has(element) === true) continue;
    const [key = ''] = element.split(' : ');
    const other = [...(nftSets.get(set) ?? [])].find((one) => one.startsWith(`${key} : `));
    const how = other === undefined ? 'is missing' : `leads elsewhere (${other})`;
    faults.push(`host port ${element} ${how} in the nftables map ${set}`);
  }
  if (needsLocalnet(attachment) && sysctls.get(sysctl) !== '1') {
    faults.push(`sysctl ${sysctl} is not 1: host ports are not reached from 127.0.0.1`);
  }
  return faults;
}

/** Of a pod of which nothing but its addresses is known. */
function elementsOf(host: Kernel, addresses: readonly Ip[]): NftElement[] {
  const { nftSets } = host.read({ ...endpointScope(''), nft: true });
  const wanted: ReadonlySet<string> = new Set(addresses);
  return [...hostPortSets([]).keys()].flatMap((set) =>
    [...(nftSets.get(set) ?? [])]
      .map((element) => ({ set, element }))
      .filter((one) => wanted.has(podOfElement(one) ?? '')),
  );
}

async function applyElements(
  host: Kernel,
  verb: 'add' | 'remove',
  elements: readonly NftElement[],
): Promise<void> {
  if (elements.length === 0) return;
  const ops = elements.map((value): Op => ({ verb, object: 'nft-element', value }));
  const [failure] = await host.apply(ops);
  if (failure !== undefined) throw failure.error;
}

function staleUdp(mapping: PortMapping, { addresses }: Attachment): StaleConnections[] {
  if (mapping.protocol !== 'udp') return [];
  const { hostPort: port } = mapping;
  const hostIp =
    mapping.hostIp === undefined || isAnyAddress(mapping.hostIp) ? undefined : mapping.hostIp;
  return addresses
    .filter((pod) => isOfFamily(mapping, familyOf(pod)))
    .map((leadsTo) => ({ kind: 'sent-to-port', port, hostIp, leadsTo }));
}

/** A client whose packets go astray for a while is no reason to refuse a pod. */
async function forget({ host, log }: CniWork, stale: readonly StaleConnections[]): Promise<void> {
  if (stale.length === 0) return;
  try {
    await host.forgetConnections(stale);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    log.warn({ error: describeError(error) }, 'connections to a host port are not forgotten');
  }
}
