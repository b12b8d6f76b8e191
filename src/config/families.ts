// The checks that concern several keys of one family, and what Flannel computes when a key is not
// given: how long a node's subnet is and which subnets may be leased. IPv4 and IPv6 take the same
// path; only the names of the keys and the limits differ. A family that is switched off is not
// looked at, since Flannel's own tools write `::/0` there.

import type { Cidr } from '../net/cidr.ts';
import {
  addressAt,
  cidrAddress,
  cidrFamily,
  cidrLengthBits,
  cidrSize,
  contains,
  networkOf,
  parseCidr,
} from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { ADDRESS_BITS, FAMILIES } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { ipToBigInt, parseIp } from '../net/ip.ts';
import type { ConfigProblem, FamilyConfig } from './config.ts';
import { explainReserved } from './prefix-text.ts';
import { problem } from './problems.ts';
import type { NetConf } from './schema.ts';
import { NETWORK_KEYS } from './schema.ts';

/** Flannel's limits: a network must hold four subnets, since the first is not leased. */
const LIMITS = {
  ipv4: { networkLengthMax: 28, subnetLengthDefault: 24 },
  ipv6: { networkLengthMax: 124, subnetLengthDefault: 64 },
} as const satisfies Record<Family, object>;

const SUBNETS_MIN_BITS = 2;

type FamilyKeys = {
  readonly family: Family;
  readonly enabled: boolean;
  readonly enableKey: string;
  readonly network: string | undefined;
  readonly prefix: '' | 'IPv6';
  readonly subnetLength: number;
  readonly subnetMin: string | undefined;
  readonly subnetMax: string | undefined;
};

export type FamiliesCheck = {
  readonly families: readonly FamilyConfig[];
  readonly problems: readonly ConfigProblem[];
};

export function checkFamilies(conf: NetConf): FamiliesCheck {
  const families: FamilyConfig[] = [];
  const problems: ConfigProblem[] = [];
  for (const family of FAMILIES) {
    const keys = keysOf(conf, family);
    if (!keys.enabled) continue;
    const checked = checkFamily(keys);
    if ('family' in checked) families.push(checked);
    else problems.push(...checked);
  }
  if (!conf.EnableIPv4 && !conf.EnableIPv6) {
    problems.push(
      problem('EnableIPv4', false, 'EnableIPv6 is false too: at least one of them must be true'),
    );
  }
  return { families, problems };
}

function keysOf(conf: NetConf, family: Family): FamilyKeys {
  if (family === 'ipv4') {
    return {
      ...{ family, enabled: conf.EnableIPv4, enableKey: 'EnableIPv4', prefix: '' },
      ...{ network: conf.Network, subnetLength: conf.SubnetLen },
      ...{ subnetMin: conf.SubnetMin, subnetMax: conf.SubnetMax },
    };
  }
  return {
    ...{ family, enabled: conf.EnableIPv6, enableKey: 'EnableIPv6', prefix: 'IPv6' },
    ...{ network: conf.IPv6Network, subnetLength: conf.IPv6SubnetLen },
    ...{ subnetMin: conf.IPv6SubnetMin, subnetMax: conf.IPv6SubnetMax },
  };
}

function checkFamily(keys: FamilyKeys): FamilyConfig | readonly ConfigProblem[] {
  const { key, example } = NETWORK_KEYS[keys.family];
  const network = parseCidr(keys.network ?? '');
  if (network === undefined) {
    const why = `is needed while ${keys.enableKey} is true, for example "${example}"`;
    return [problem(key, keys.network, why)];
  }
  const reserved = explainReserved(network);
  if (reserved !== undefined) return [problem(key, network, reserved)];
  const length = subnetLength(keys, network);
  if (typeof length !== 'number') return [length];
  return subnetRange(keys, network, length);
}

function subnetLength(keys: FamilyKeys, network: Cidr): number | ConfigProblem {
  const { networkLengthMax, subnetLengthDefault } = LIMITS[keys.family];
  const networkLength = cidrLengthBits(network);
  if (networkLength > networkLengthMax) {
    const why = `is too small: it must be a /${networkLengthMax} or larger`;
    return problem(NETWORK_KEYS[keys.family].key, network, why);
  }
  const shortest = networkLength + SUBNETS_MIN_BITS;
  if (keys.subnetLength === 0) return Math.max(subnetLengthDefault, shortest);
  if (keys.subnetLength >= shortest) return keys.subnetLength;
  return problem(
    `${keys.prefix}SubnetLen`,
    keys.subnetLength,
    `must be ${shortest} or more, so that ${network} holds at least four subnets`,
  );
}

function subnetRange(
  keys: FamilyKeys,
  network: Cidr,
  subnetLengthBits: number,
): FamilyConfig | readonly ConfigProblem[] {
  const subnetSize = 1n << BigInt(ADDRESS_BITS[keys.family] - subnetLengthBits);
  const subnetMin = parseIp(keys.subnetMin ?? '') ?? addressAt(network, subnetSize);
  const subnetMax =
    parseIp(keys.subnetMax ?? '') ?? addressAt(network, cidrSize(network) - subnetSize);
  const ends = [
    { key: `${keys.prefix}SubnetMin`, address: subnetMin },
    { key: `${keys.prefix}SubnetMax`, address: subnetMax },
  ];
  const problems = ends.flatMap(({ key, address }) => {
    const why = explainEnd(address, network, subnetLengthBits);
    return why === undefined ? [] : [problem(key, address, why)];
  });
  if (problems.length > 0) return problems;
  if (ipToBigInt(subnetMin) > ipToBigInt(subnetMax)) {
    const [min, max] = [`${keys.prefix}SubnetMin`, `${keys.prefix}SubnetMax`];
    return [problem(min, subnetMin, `must not be above ${max}, which is "${subnetMax}"`)];
  }
  return { family: keys.family, network, subnetLengthBits, subnetMin, subnetMax };
}

/** Why a subnet cannot begin at `address`; undefined when it can. */
function explainEnd(address: Ip, network: Cidr, lengthBits: number): string | undefined {
  if (!contains(network, address)) {
    return `must lie in ${NETWORK_KEYS[cidrFamily(network)].key}, which is ${network}`;
  }
  const start = cidrAddress(networkOf(address, lengthBits));
  if (start === address) return undefined;
  return `is not where a /${lengthBits} begins: the subnet around it begins at "${start}"`;
}
