// CHECK: whether an attachment still is what its ADD made: reserved, and complete in both
// namespaces. It changes nothing. What plugins after us in the chain may have changed is no fault
// (src/endpoint/verify.ts), since CRI-O runs CHECK right after every ADD.

import type { Attachment } from '../endpoint/attachment.ts';
import { hostSide } from '../endpoint/host-side.ts';
import { necessarySysctls, podSide } from '../endpoint/pod-side.ts';
import { linksOf } from '../endpoint/shaping.ts';
import { detourFault, faultsOf } from '../endpoint/verify.ts';
import { familyOf } from '../net/ip.ts';
import type { NftTable } from '../state/kernel-state.ts';
import type { CniWork } from './context.ts';
import { checkScope } from './endpoint-kernel.ts';
import type { Verdict } from './errors.ts';
import { CNI_CODES, done, failed } from './errors.ts';
import { hostPortFaults } from './host-ports.ts';
import type { PodNamespace } from './netns-check.ts';
import { checkNamespace } from './netns-check.ts';
import type { JsonObject } from './network-config.ts';
import { isObject } from './network-config.ts';
import type { CheckRequest } from './request.ts';
import { isOf } from './stored-attachment.ts';
import { failedBy } from './verdict.ts';

export function check(
  request: CheckRequest,
  descriptor: number | undefined,
  context: CniWork,
): Verdict {
  const { prevResult } = request.config;
  if (prevResult === undefined) {
    const details = 'prevResult is missing; it must be the result of ADD';
    return failed(CNI_CODES.invalidConfig, 'invalid network configuration', details);
  }
  const netns = { netns: request.netns, allowsOwnNetns: true };
  const checked = checkNamespace(context, netns, descriptor);
  if (checked.kind === 'refused') return checked.verdict;
  const stored = context.store.find(request.identity);
  if (stored === undefined || !isOf(stored, request.identity)) {
    return wrong(['no address is reserved for it']);
  }
  const { attachment } = stored;
  if (attachment === undefined) return wrong(['its file on this node is not readable']);
  if (stored.name.isPending || stored.isLeaving) return wrong(['its ADD has not succeeded']);
  try {
    const { namespace } = checked;
    return verdictOf([
      ...resultFaults(prevResult, attachment),
      ...(context.store.isKept(attachment) ? [] : ['its file on this node is gone']),
      ...(attachment.netnsInode === namespace.inode ? [] : ['its namespace is another one']),
      ...kernelFaults(context, namespace, attachment),
      ...hostPortFaults(context, attachment),
    ]);
  } catch (error) {
    return failedBy(error, `${attachment.ifName} cannot be checked`);
  }
}

function kernelFaults(
  context: CniWork,
  { descriptor }: PodNamespace,
  attachment: Attachment,
): string[] {
  const wanted = hostSide([attachment], []);
  const sysctls = new Map([...wanted.sysctls, ...nodeSysctls(attachment)]);
  const scope = { sysctls: [...sysctls.keys()], nft: true };
  const onHost = context.host.read(checkScope(linksOf(attachment), scope));
  const hostFaults = faultsOf({ ...wanted, sysctls }, onHost, 'host');
  return [
    // What is wrong of our own says more than where it leads to.
    ...(hostFaults.length > 0 ? hostFaults : detourFaults(context, attachment)),
    ...filterFaults(onHost.nftTable),
    ...podFaults(context, descriptor, attachment),
  ];
}

/** Of two routes to the pod the other one may be better than ours. */
function detourFaults({ host }: CniWork, { addresses, hostLink }: Attachment): string[] {
  const lookups = host.lookUp(addresses);
  return addresses.flatMap((address) => {
    const lookup = lookups.get(address);
    return lookup === undefined ? [] : (detourFault(address, lookup, hostLink) ?? []);
  });
}

function podFaults(context: CniWork, descriptor: number, attachment: Attachment): string[] {
  const pod = context.openPodKernel(descriptor);
  try {
    const sysctls = necessarySysctls(attachment);
    const scope = { sysctls: [...sysctls.keys()], nft: false };
    const inPod = pod.read(checkScope([attachment.ifName], scope));
    return faultsOf({ ...podSide(attachment, inPod.links.get('lo')), sysctls }, inPod, 'pod');
  } finally {
    pod.close();
  }
}

/** Without which the node leads nothing to pods. */
const nodeSysctls = ({ addresses }: Attachment): [string, string][] =>
  addresses.map((ip) => [
    familyOf(ip) === 'ipv4' ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding',
    '1',
  ]);

/** The rules know that they are all there: src/kernel/nft-read.ts. */
function filterFaults(table: NftTable | undefined): string[] {
  if (table === undefined) return ['the nftables table with the anti-spoofing rules is missing'];
  if (table.isDormant === true) {
    return ['the nftables table is dormant: somebody has switched all of its rules off'];
  }
  return table.hash === '' ? ['rules of the nftables table were changed by somebody'] : [];
}

/** The runtime's idea of the pod must be ours, as far as addresses go. */
function resultFaults(prevResult: JsonObject, { ifName, addresses }: Attachment): string[] {
  const interfaces = Array.isArray(prevResult.interfaces) ? prevResult.interfaces : [];
  const isListed = interfaces.some(
    (item: unknown) => isObject(item) && item.name === ifName && Boolean(item.sandbox),
  );
  const ips = Array.isArray(prevResult.ips) ? prevResult.ips : [];
  const texts = ips.map((item: unknown) => (isObject(item) ? String(item.address) : ''));
  return [
    ...(isListed ? [] : [`prevResult does not list ${ifName}`]),
    ...addresses
      .filter((address) => !texts.some((text) => text.split('/')[0] === address))
      .map((address) => `prevResult does not list ${address}`),
  ];
}

const verdictOf = (faults: readonly string[]): Verdict =>
  faults.length === 0 ? done() : wrong(faults);

const wrong = (faults: readonly string[]): Verdict =>
  failed(CNI_CODES.notAsAdded, 'the attachment is not as it was added', faults.join('; '));
