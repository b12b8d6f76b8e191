// What Linux does with sysctls and with our nftables table, as far as Poplin uses them. Sysctls of
// links are there with their link; nftables text is understood as far as its sets and comments go.

import { hashOf } from '../../src/kernel/nft-read.ts';
import { linkSettingOf } from '../../src/kernel/sysctl.ts';
import { encodeNftElement } from '../../src/netlink/nft-key.ts';
import type { NftTable } from '../../src/state/kernel-state.ts';
import type { NftElement, Op, Sysctl } from '../../src/state/op.ts';
import { keyOfElement } from '../../src/state/op-key.ts';
import type { FakeNamespace, FakeSet } from './namespace.ts';
import { type Refusal, refuse } from './refusal.ts';

type Verb = Op['verb'];

const CONF_PATH = /^ipv[46]\/(?:conf|neigh)\/([^/]+)\/\w+$/;

/** Undefined when there is no such setting (now). */
export function readSysctl(namespace: FakeNamespace, path: string): string | undefined {
  const link = CONF_PATH.exec(path)?.[1];
  if (link === undefined) return namespace.sysctls.get(path);
  const exists = link === 'all' || link === 'default' || namespace.links.has(link);
  return exists ? (namespace.sysctls.get(path) ?? '0') : undefined;
}

export function writeSysctl(
  namespace: FakeNamespace,
  { path, value }: Sysctl,
): Refusal | undefined {
  const link = linkSettingOf(path)?.link;
  if (link !== undefined && !namespace.links.has(link)) {
    return refuse(`ENODEV: there is no link ${link}`);
  }
  if (readSysctl(namespace, path) === undefined) {
    const operation = `set sysctl ${path} to ${value}`;
    return { ...refuse(`cannot write /proc/sys/net/${path}`, 'FILE'), operation };
  }
  namespace.sysctls.set(path, value);
  return undefined;
}

/** What a statement of a chain may begin with. */
const STATEMENT_WORDS = [
  'type|policy|comment|ip6?|ether|arp|[io]if(name|group)?|meta|ct|fib|rt|th|tcp|udp|icmp(v6)?',
  'accept|drop|return|jump|goto|counter|masquerade|snat|dnat|log|reject|mark|limit|notrack',
  'exthdr|tproxy|socket|update|add|@|\\}|$',
];
const STATEMENT = new RegExp(`^(${STATEMENT_WORDS.join('|')})`);

export function doNftTable(
  namespace: FakeNamespace,
  verb: Verb,
  { text }: NftTable,
): Refusal | undefined {
  if (verb === 'remove') {
    namespace.nftComments = undefined;
    namespace.isNftDormant = false;
    namespace.nftSets.clear();
    return undefined;
  }
  if (!/^\s*(add )?table inet poplin\b/.test(text) || !chainsOf(text).every(isWellFormed)) {
    return refuse('Error: syntax error', 'NFT');
  }
  namespace.isNftDormant = /^\s*flags dormant/m.test(text);
  const sets = setsOf(text);
  const clashes = [...namespace.nftSets].some(([name, { type }]) => {
    const declared = typesOf(text).get(name);
    return declared !== undefined && declared !== type;
  });
  // What does not go together with what stands there is loaded into an empty table instead.
  if (clashes) namespace.nftSets.clear();
  for (const [name, set] of sets) {
    for (const kept of namespace.nftSets.get(name)?.elements ?? []) set.elements.add(kept);
    namespace.nftSets.set(name, set);
  }
  namespace.nftComments = chainsOf(text).flatMap((chain) =>
    chain
      .split('\n')
      .filter((line) => !/^\s*(type\b|policy\b|\}|comment\b|$)/.test(line))
      .map((line) => /comment "([^"]*)"/.exec(line)?.[1] ?? ''),
  );
  return undefined;
}

export function nftTableOf({ nftComments, isNftDormant }: FakeNamespace): NftTable | undefined {
  if (nftComments === undefined) return undefined;
  if (isNftDormant) return { hash: '', text: '', isDormant: true };
  return { hash: hashOf(nftComments), text: '' };
}

/** Bodies of chains; `{ … }` inside a rule is taken out first. */
const chainsOf = (text: string): string[] =>
  [
    ...text
      .replace(/(?<!chain\s+\S+\s+)\{[^{}\n]*\}/g, 'set')
      .matchAll(/chain\s+\S+\s*\{([^{}]*)\}/g),
  ].map((match) => match[1] ?? '');

const isWellFormed = (chain: string): boolean =>
  chain.split(/[\n;]/).every((line) => STATEMENT.test(line.trim()));

/** The named sets and maps of single keys, with the elements that the text itself gives them. */
function setsOf(text: string): Map<string, FakeSet> {
  const sets = new Map<string, FakeSet>();
  for (const [, name = '', body = ''] of text.matchAll(
    /^\s*(?:set|map)\s+(\S+)\s*\{((?:[^{}]|\{[^{}]*\})*)\}/gm,
  )) {
    const type = /type\s+([^;\n]+)/.exec(body)?.[1]?.trim() ?? '';
    const isKnown = type.split(/ [.:] /).every((part) => KEY_BYTES[part] !== undefined);
    if (!isKnown || /flags[^;\n]*interval/.test(body)) continue;
    const given = /elements\s*=\s*\{([^}]*)\}/.exec(body)?.[1] ?? '';
    const elements = given.split(',').map((element) => element.trim().replaceAll('"', ''));
    sets.set(name, { type, elements: new Set(elements.filter((element) => element !== '')) });
  }
  return sets;
}

/** The type of every set that the text declares. */
const typesOf = (text: string): Map<string, string> =>
  new Map(
    [...text.matchAll(/^\s*(?:set|map)\s+(\S+)\s*\{\s*type\s+([^;\n]+)/gm)].map(
      ([, name = '', type = '']) => [name, type.trim()],
    ),
  );

/** Of parts that are joined, each of which begins at a multiple of four. */
const KEY_BYTES: Readonly<Record<string, number>> = {
  ...{ ipv4_addr: 4, ipv6_addr: 16, ifname: 16 },
  ...{ inet_proto: 4, inet_service: 4 },
};

const bytesOf = (type: string): number =>
  type.split(' . ').reduce((sum, part) => sum + (KEY_BYTES[part] ?? 0), 0);

export function doNftElement(
  namespace: FakeNamespace,
  verb: Verb,
  { set: name, element }: NftElement,
): Refusal | undefined {
  const bytes = encodeNftElement(element);
  if (bytes === undefined) return refuse('it is no key of a set', 'NFT');
  const set = namespace.nftSets.get(name);
  if (set === undefined) return verb === 'remove' ? undefined : refuse('ENOENT');
  const [keyType = '', dataType] = set.type.split(' : ');
  if (bytes.key.length !== bytesOf(keyType)) return refuse('EINVAL');
  if (verb !== 'remove' && (dataType === undefined) !== (bytes.data === undefined)) {
    return refuse('EINVAL');
  }
  const key = keyOfElement(element);
  if (dataType === undefined) set.elements.delete(element);
  else for (const one of set.elements) if (one.startsWith(`${key} : `)) set.elements.delete(one);
  if (verb !== 'remove') set.elements.add(element);
  return undefined;
}
