// What a runtime may ask for a pod: addresses, an Ethernet address, DNS settings and shaping. One
// thing can be asked for in three places, of which the later one counts alone: CNI_ARGS, `args.cni`
// and `runtimeConfig` (CONVENTIONS.md of the specification). Keys below the last two are read in
// any letter case. Only ADD looks at it: a DEL must not fail for a wish. Pure.

import type { Bandwidth } from '../endpoint/attachment.ts';
import { parsePrefix } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, parseIp } from '../net/ip.ts';
import { type Mac, macToBytes, parseMac } from '../net/mac.ts';
import { parseBandwidth } from './bandwidth.ts';
import type { CniArgs } from './cni-args.ts';
import { CNI_CODES, failure } from './errors.ts';
import { valueIn } from './json.ts';
import type { JsonObject, NetworkConfig, Parsed } from './network-config.ts';
import { isGiven, isObject } from './network-config.ts';

/** `key` is where it was asked for, in the words of an error. */
export type RequestedAddress = { readonly key: string; readonly address: Ip };

export type PodRequests = {
  /** At most one of each family. */
  readonly addresses: readonly RequestedAddress[];
  readonly mac?: Mac;
  readonly bandwidth?: Bandwidth;
};

type Wish = { readonly key: string; readonly value: unknown };

const IN_ENVIRONMENT = 'CNI_ARGS';

/** The configuration comes back with the DNS settings that the result is to have. */
export function parsePodRequests(
  config: NetworkConfig,
  args: CniArgs,
): Parsed<{ readonly requests: PodRequests; readonly config: NetworkConfig }> {
  const addresses = parseAddresses(wishFor('ips', args.ip, config));
  if (addresses.kind === 'failed') return addresses;
  const mac = parseRequestedMac(wishFor('mac', args.mac, config));
  if (mac.kind === 'failed') return mac;
  const dns = mergeDns(config);
  if (dns.kind === 'failed') return dns;
  const bandwidth = parseBandwidth(valueIn(config.runtimeConfig, 'bandwidth'));
  if (bandwidth.kind === 'failed') return bandwidth;
  const requests = {
    addresses: addresses.value,
    ...(mac.value === undefined ? {} : { mac: mac.value }),
    ...(bandwidth.value === undefined ? {} : { bandwidth: bandwidth.value }),
  };
  return { kind: 'ok', value: { requests, config: { ...config, dns: dns.value } } };
}

/** What is asked for in the place that counts. */
function wishFor(
  key: 'ips' | 'mac',
  inEnvironment: string | undefined,
  { runtimeConfig, cniArgs }: NetworkConfig,
): Wish {
  const places: Wish[] = [
    { key: `runtimeConfig.${key}`, value: valueIn(runtimeConfig, key) },
    { key: `args.cni.${key}`, value: valueIn(cniArgs, key) },
  ];
  const wish = places.find(({ value }) => isWish(value));
  const variable = `${IN_ENVIRONMENT} ${key === 'ips' ? 'IP' : 'MAC'}`;
  return wish ?? { key: variable, value: inEnvironment };
}

const isWish = (value: unknown): boolean =>
  isGiven(value) && value !== '' && !(Array.isArray(value) && value.length === 0);

function parseAddresses({ key, value }: Wish): Parsed<readonly RequestedAddress[]> {
  if (!isWish(value)) return { kind: 'ok', value: [] };
  const list = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(list)) return refuse({ key, value }, 'a list of addresses');
  const found = new Map<Family, RequestedAddress>();
  for (const item of list as readonly unknown[]) {
    const address = addressOf(item);
    if (address === undefined) {
      return refuse({ key, value: item }, 'an address, as 10.244.1.9 or 10.244.1.9/24');
    }
    const other = found.get(familyOf(address));
    if (other !== undefined && other.address !== address) {
      return refuse({ key, value }, 'one address of each family at most');
    }
    found.set(familyOf(address), { key, address });
  }
  return { kind: 'ok', value: [...found.values()] };
}

/** The length says nothing here: a pod's address is always a /32 or /128. */
function addressOf(item: unknown): Ip | undefined {
  if (typeof item !== 'string') return undefined;
  return item.includes('/') ? parsePrefix(item)?.address : parseIp(item);
}

function parseRequestedMac({ key, value }: Wish): Parsed<Mac | undefined> {
  if (!isWish(value)) return { kind: 'ok', value: undefined };
  const right = 'a unicast Ethernet address, as 02:00:0a:f4:01:09';
  const mac = typeof value === 'string' ? parseMac(value) : undefined;
  if (mac === undefined) return refuse({ key, value }, right);
  const bytes = macToBytes(mac);
  const isUnicast = ((bytes[0] ?? 0) & 1) === 0 && bytes.some((byte) => byte !== 0);
  return isUnicast ? { kind: 'ok', value: mac } : refuse({ key, value }, right);
}

/** The runtime's names, and those of the configuration and the result. */
const DNS_LISTS = [
  ['servers', 'nameservers'],
  ['searches', 'search'],
  ['options', 'options'],
] as const;

/** Member by member: what the runtime says of a pod goes before what the file says of all. */
function mergeDns({ dns = {}, runtimeConfig }: NetworkConfig): Parsed<JsonObject> {
  const asked = valueIn(runtimeConfig, 'dns');
  const value = asked ?? {};
  if (!isObject(value)) return refuse({ key: 'runtimeConfig.dns', value }, 'an object');
  const merged: { [key: string]: unknown } = { ...dns };
  for (const [runtimeName, name] of DNS_LISTS) {
    const inFile = { key: `dns.${name}`, value: dns[name] };
    const ofRuntime = {
      key: `runtimeConfig.dns.${runtimeName}`,
      value: valueIn(value, runtimeName),
    };
    const wrong = [inFile, ofRuntime].find((wish) => isGiven(wish.value) && !isTexts(wish.value));
    if (wrong !== undefined) return refuse(wrong, 'a list of texts');
    if (isWish(ofRuntime.value)) merged[name] = ofRuntime.value;
  }
  if (isGiven(dns.domain) && typeof dns.domain !== 'string') {
    return refuse({ key: 'dns.domain', value: dns.domain }, 'a text');
  }
  return { kind: 'ok', value: merged };
}

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

function refuse({ key, value }: Wish, right: string): Parsed<never> {
  const details = `${key} is ${JSON.stringify(value)}; it must be ${right}`;
  if (key.startsWith(IN_ENVIRONMENT)) {
    const message = 'CNI_ARGS is not understood';
    return { kind: 'failed', failure: failure(CNI_CODES.environment, message, details) };
  }
  const message = 'invalid network configuration';
  return { kind: 'failed', failure: failure(CNI_CODES.invalidConfig, message, details) };
}
