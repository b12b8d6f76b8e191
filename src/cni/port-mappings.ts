// `runtimeConfig.portMappings`: ports of the node that are to lead to the pod. Keys and protocols
// are read without regard to case, since containerd sends Go's field names (`HostPort`). What
// cannot be understood, or would never have an effect, is an error that names key, value and what
// would be right; a mapping without a port of the node asks for nothing. Pure.

import type { PortMapping, PortProtocol } from '../endpoint/attachment.ts';
import { isAnyAddress, isOfFamily } from '../endpoint/host-ports.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, parseIp } from '../net/ip.ts';
import type { CniFailure } from './errors.ts';
import { CNI_CODES, failure } from './errors.ts';
import type { JsonObject, Parsed } from './network-config.ts';

const KEY = 'portmappings';
const PORT_MAX = 65_535;
const PROTOCOLS: readonly PortProtocol[] = ['tcp', 'udp', 'sctp'];
/** The kernel takes no packet to it from a link, so that no answer of a pod would arrive. */
const IPV6_LOOPBACK = '::1';

type Parse<T> = { readonly value: T } | { readonly failure: CniFailure };

/** Each once, in the order that they came in. */
export function parsePortMappings(runtimeConfig: unknown): Parsed<readonly PortMapping[]> {
  const [name = KEY, list] = memberOf(runtimeConfig, KEY);
  const key = `runtimeConfig.${name}`;
  if (list === undefined || list === null) return { kind: 'ok', value: [] };
  if (!Array.isArray(list)) {
    return { kind: 'failed', failure: wrong(key, list, 'a list of {hostPort, containerPort}') };
  }
  const mappings: PortMapping[] = [];
  for (const [index, item] of (list as readonly unknown[]).entries()) {
    const parsed = parseMapping(`${key}[${index}]`, item);
    if ('failure' in parsed) return { kind: 'failed', ...parsed };
    const { value } = parsed;
    if (value === undefined || mappings.some((other) => isSame(other, value))) continue;
    const other = mappings.find((earlier) => isSamePort(earlier, value));
    if (other !== undefined) {
      const right = `given once: port ${other.containerPort} of the container has it too`;
      const where = `${key}[${index}].hostPort`;
      return { kind: 'failed', failure: wrong(where, value.hostPort, right) };
    }
    mappings.push(value);
  }
  return { kind: 'ok', value: mappings };
}

/** The first mapping that no pod can serve that has addresses of these families. */
export function unservedMapping(
  mappings: readonly PortMapping[],
  families: ReadonlySet<Family>,
): CniFailure | undefined {
  const unserved = mappings.find(
    (mapping) => ![...families].some((family) => isOfFamily(mapping, family)),
  );
  if (unserved === undefined) return undefined;
  const given = [...families].map((family) => (family === 'ipv4' ? 'IPv4' : 'IPv6')).join(' and ');
  const right = `an address of a family that the pod gets (${given})`;
  return wrong('portMappings.hostIP', unserved.hostIp, right);
}

/** Whether both would hold the same port of the same address of the node. */
export const isSamePort = (one: PortMapping, other: PortMapping): boolean =>
  one.protocol === other.protocol && one.hostPort === other.hostPort && overlap(one, other);

function overlap({ hostIp: one }: PortMapping, { hostIp: other }: PortMapping): boolean {
  if (one === undefined || other === undefined || one === other) return true;
  return familyOf(one) === familyOf(other) && (isAnyAddress(one) || isAnyAddress(other));
}

const isSame = (one: PortMapping, other: PortMapping): boolean =>
  one.protocol === other.protocol &&
  one.hostPort === other.hostPort &&
  one.containerPort === other.containerPort &&
  one.hostIp === other.hostIp;

/** Undefined when no port of the node is asked for. */
function parseMapping(key: string, item: unknown): Parse<PortMapping | undefined> {
  if (!isObject(item)) return { failure: wrong(key, item, '{hostPort, containerPort}') };
  const member = (name: string): readonly [string, unknown] => {
    const [found = name, value] = memberOf(item, name.toLowerCase());
    return [`${key}.${found}`, value];
  };
  const [hostPortKey, hostPort] = member('hostPort');
  if (hostPort === undefined || hostPort === null || hostPort === 0) return { value: undefined };
  const [containerPortKey, containerPort] = member('containerPort');
  const [protocolKey, protocolText] = member('protocol');
  const [hostIpKey, hostIpText] = member('hostIP');
  if (!isPort(hostPort)) return { failure: wrong(hostPortKey, hostPort, PORT_WORDS) };
  if (!isPort(containerPort)) {
    return { failure: wrong(containerPortKey, containerPort, PORT_WORDS) };
  }
  const protocol = protocolOf(protocolText);
  if (protocol === undefined) {
    return { failure: wrong(protocolKey, protocolText, 'tcp, udp or sctp') };
  }
  const hostIp = hostIpOf(hostIpText);
  if (hostIp === 'invalid') {
    return { failure: wrong(hostIpKey, hostIpText, 'an IPv4 or IPv6 address, or ""') };
  }
  if (hostIp === IPV6_LOOPBACK) {
    const right = 'another address: the kernel leads nothing from ::1 to a pod';
    return { failure: wrong(hostIpKey, hostIpText, right) };
  }
  const mapping = { protocol, hostPort, containerPort };
  return { value: hostIp === undefined ? mapping : { ...mapping, hostIp } };
}

const PORT_WORDS = `a number from 1 to ${PORT_MAX}`;

const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= PORT_MAX;

function protocolOf(value: unknown): PortProtocol | undefined {
  if (value === undefined || value === null || value === '') return 'tcp';
  const text = typeof value === 'string' ? value.toLowerCase() : '';
  return PROTOCOLS.find((protocol) => protocol === text);
}

/** IPv4 in IPv6's form is IPv4, as for everybody who listens. */
function hostIpOf(value: unknown): Ip | undefined | 'invalid' {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') return 'invalid';
  return parseIp(value.replace(/^::ffff:(?=\d+\.)/i, '')) ?? 'invalid';
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The member whose name is this one but for the case, with its own name. */
function memberOf(
  object: unknown,
  lowerCaseName: string,
): readonly [name: string, value: unknown] | readonly [] {
  if (!isObject(object)) return [];
  return Object.entries(object).find(([name]) => name.toLowerCase() === lowerCaseName) ?? [];
}

function wrong(key: string, value: unknown, right: string): CniFailure {
  const details = `${key} is ${JSON.stringify(value) ?? 'missing'}; it must be ${right}`;
  return failure(CNI_CODES.invalidConfig, 'invalid network configuration', details);
}
