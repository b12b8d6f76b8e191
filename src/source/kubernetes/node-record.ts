// A Kubernetes Node as its peers need it. Whatever a Node says that cannot be understood becomes
// one of its `problems`, and the rest of it stays usable: one node's bad data harms no other node
// (invariant 10). Pure, and never throws, whatever JSON comes.

import type { Advert } from '../../cluster/advert.ts';
import { parseAdvert, withSharedLists } from '../../cluster/advert.ts';
import type { ClusterNode, FlannelNode } from '../../cluster/node.ts';
import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily, networkOf, parsePrefix } from '../../net/cidr.ts';
import type { Ip } from '../../net/ip.ts';
import { parseIp } from '../../net/ip.ts';
import { parseAddressWords } from './address-words.ts';
import { ADVERT_ANNOTATION } from './annotations.ts';
import type { Annotations } from './flannel-annotations.ts';
import { parseFlannel, shown } from './flannel-annotations.ts';
import type { NodeJson, ObjectJson } from './json-types.ts';
import { asObject, asText, asTexts } from './json-types.ts';
import type { LabelSets } from './label-sets.ts';

/** What was found, and what was wrong with it. */
type Found<Value> = { readonly value: Value; readonly problems: readonly string[] };

/** Without `labelSets` the labels are left out. */
export function nodeRecord(
  object: ObjectJson,
  flannelPrefix?: string,
  labelSets?: LabelSets,
): ClusterNode {
  const node = object as NodeJson;
  const metadata = asObject(node.metadata);
  const annotations = asTexts(metadata.annotations);
  const subnets = parseSubnets(asObject(node.spec));
  const internalIps = parseInternalIps(asObject(node.status));
  const advert = parseOwnAdvert(annotations);
  const { flannel, problems } = parseFlannel(annotations, flannelPrefix);
  const said = parseAddressWords(annotations, flannelPrefix);
  const words = new Set([...problems, ...said.problems]);
  // A bad advert does not make a node one of Flannel's.
  const isPoplins = advert.problems.length > 0 || saysTheSame(advert.value, flannel);
  const record: ClusterNode = detached({
    name: asText(metadata.name),
    uid: asText(metadata.uid),
    createdAt: asText(metadata.creationTimestamp),
    subnets: subnets.value,
    internalIps: internalIps.value,
    ...(advert.value === undefined ? {} : { advert: advert.value }),
    ...(flannel === undefined || isPoplins ? {} : { flannel }),
    ...(said.addressWords === undefined ? {} : { addressWords: said.addressWords }),
    problems: [...subnets.problems, ...internalIps.problems, ...advert.problems, ...words],
  });
  return {
    ...record,
    ...(record.advert === undefined
      ? {}
      : { advert: withSharedLists(record.advert, record.internalIps) }),
    ...labelSets?.share(metadata.labels),
  };
}

/**
 * Beside an advert Flannel's annotations are kept only where they say something else: then Flannel
 * has taken the node over since, or a user has given it another public address.
 */
function saysTheSame(advert: Advert | undefined, flannel: FlannelNode | undefined): boolean {
  if (advert === undefined || flannel === undefined) return false;
  const { publicIps, vxlan } = flannel;
  const { underlay, receives } = advert;
  return (
    publicIps.every((ip) => underlay.includes(ip)) &&
    vxlan.every(({ vni, mac }) => receives.vxlan.some((by) => by.vni === vni && by.mac === mac))
  );
}

const POD_CIDR_FIELDS = /^spec\.podCIDRs?:/;

/** Whether one of a node's problems is about the subnets that its Node object gives it. */
export const isPodCidrProblem = (problem: string): boolean => POD_CIDR_FIELDS.test(problem);

/** Whether the Node says already that its network is there. */
export const hasNetwork = (object: ObjectJson): boolean =>
  networkConditionOf(object)?.status === 'False';

/** Whose word it is that the network is there, or not; undefined: nobody's. */
export const networkReasonOf = (object: ObjectJson): string | undefined => {
  const condition = networkConditionOf(object);
  return condition === undefined ? undefined : asText(condition.reason);
};

function networkConditionOf(object: ObjectJson): Readonly<Record<string, unknown>> | undefined {
  const { conditions } = asObject((object as NodeJson).status);
  return (Array.isArray(conditions) ? conditions : [])
    .map(asObject)
    .find(({ type }) => type === 'NetworkUnavailable');
}

/** The node's own annotations, to compare with what it wants to publish. */
export const annotationsOf = (object: ObjectJson): Annotations =>
  detached(asTexts(asObject((object as NodeJson).metadata).annotations));

/**
 * A copy that shares no memory with the page it was parsed from: parts of strings otherwise keep
 * the whole text alive (V8's sliced strings), some hundred kilobytes for one name.
 */
const detached = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

/** `spec.podCIDRs`, or `spec.podCIDR` where that is all there is; the first of each family. */
function parseSubnets(spec: Readonly<Record<string, unknown>>): Found<readonly Cidr[]> {
  const { podCIDRs, podCIDR } = spec;
  const hasList = Array.isArray(podCIDRs) && podCIDRs.length > 0;
  const field = hasList ? 'spec.podCIDRs' : 'spec.podCIDR';
  const texts: readonly unknown[] = hasList ? podCIDRs : (podCIDR ?? '') === '' ? [] : [podCIDR];
  const subnets: Cidr[] = [];
  const problems: string[] = [];
  if (texts.length > 2) {
    problems.push(`${field}: ${shown(texts)} are more than one subnet for each family`);
  }
  for (const text of texts) {
    const prefix = typeof text === 'string' ? parsePrefix(text) : undefined;
    if (prefix === undefined) {
      problems.push(`${field}: ${shown(text)} is not a network`);
      continue;
    }
    const subnet = networkOf(prefix.address, prefix.lengthBits);
    const other = subnets.find((each) => cidrFamily(each) === cidrFamily(subnet));
    if (other === undefined) subnets.push(subnet);
    else problems.push(`${field}: ${shown(text)} is of the same family as ${shown(other)}`);
  }
  return { value: subnets, problems };
}

function parseInternalIps(status: Readonly<Record<string, unknown>>): Found<readonly Ip[]> {
  const { addresses } = status;
  const value: Ip[] = [];
  const problems: string[] = [];
  for (const each of Array.isArray(addresses) ? addresses : []) {
    const { type, address } = asObject(each);
    if (type !== 'InternalIP') continue;
    const ip = typeof address === 'string' ? parseIp(address) : undefined;
    if (ip !== undefined) value.push(ip);
    else problems.push(`status.addresses: InternalIP ${shown(address)} is not an address`);
  }
  return { value, problems };
}

function parseOwnAdvert(annotations: Annotations): Found<Advert | undefined> {
  const text = annotations[ADVERT_ANNOTATION];
  if (text === undefined) return { value: undefined, problems: [] };
  const parsed = parseAdvert(text);
  if (parsed.kind === 'ok') return { value: parsed.advert, problems: [] };
  const problem = `annotation ${ADVERT_ANNOTATION}: ${parsed.problem}: ${shown(text)}`;
  return { value: undefined, problems: [problem] };
}
