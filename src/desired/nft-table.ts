// The nftables table `inet poplin` as text, from the configuration and the node's own subnets. The
// text is one transaction that turns whatever an older version left into this structure: `flush
// table` takes out every rule, also of chains that nobody knows any more, while sets keep their
// elements, so that no packet ever meets a half-made table. Elements are not in the text.
//
// Every rule ends in the comment `poplin <hash> <number>/<total>`, with a hash of the text without
// the comments: that is how src/kernel reads back which text is loaded, since listed rules are not
// the text that was sent. A chain whose hook or priority changes needs a new name (the kernel keeps
// those of an existing one) and its old name goes into RETIRED_CHAINS.

import { createHash } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES } from '../net/family.ts';
import type { NftTable } from '../state/kernel-state.ts';
import { NFT_TABLE } from '../state/own.ts';
import { spoofChains, spoofRules } from './nft-antispoof.ts';
import { hostPortChains, hostPortSetTypes } from './nft-host-ports.ts';
import { masqueradeRules } from './nft-masquerade.ts';

export type NftInput = {
  readonly config: Config;
  /** The node's own subnets, of any family; none while nothing is leased. */
  readonly ownSubnets: readonly Cidr[];
};

/** The named sets whose elements are kept by netlink: underlay addresses of all known nodes. */
export const NODE_SETS = { ipv4: 'nodes4', ipv6: 'nodes6' } as const satisfies Record<
  Family,
  string
>;

const SET_TYPE = { ipv4: 'ipv4_addr', ipv6: 'ipv6_addr' } as const satisfies Record<Family, string>;

type Chain = {
  readonly name: string;
  /** Hook and priority of a base chain; '' for one that is only jumped to. */
  readonly hook: string;
  /** Nothing: the chain is removed, so that its hook costs nothing. */
  readonly rules: readonly string[];
};

/** Base chains of older versions of this file, removed when they are met. */
const RETIRED_CHAINS: readonly string[] = ['pods_forward'];

const HASH_LENGTH = 16;
const TABLE = `inet ${NFT_TABLE}`;

export function renderNftTable(input: NftInput): NftTable {
  const chains = chainsOf(input);
  const hash = createHash('sha256')
    .update(render(chains, () => ''))
    .digest('hex')
    .slice(0, HASH_LENGTH);
  const total = chains.reduce((sum, chain) => sum + chain.rules.length, 0);
  const text = render(chains, (number) => ` comment "poplin ${hash} ${number}/${total}"`);
  return { hash, text };
}

const chainsOf = (input: NftInput): readonly Chain[] => [
  ...spoofChains,
  {
    name: 'pods_prerouting',
    hook: 'type filter hook prerouting priority raw; policy accept;',
    rules: spoofRules,
  },
  {
    name: 'pods_postrouting',
    hook: 'type nat hook postrouting priority srcnat; policy accept;',
    rules: masqueradeRules(input, NODE_SETS),
  },
  ...hostPortChains,
];

function render(chains: readonly Chain[], comment: (number: number) => string): string {
  const unwanted = chains.filter(({ rules }) => rules.length === 0);
  let number = 0;
  const blocks = [
    ...FAMILIES.map((family) => block(`set ${NODE_SETS[family]}`, [`type ${SET_TYPE[family]}`])),
    ...hostPortSetTypes.map(({ kind, name, type }) => block(`${kind} ${name}`, [`type ${type}`])),
    ...chains
      .filter((chain) => !unwanted.includes(chain))
      .map(({ name, hook, rules }) => {
        const lines = rules.map((rule) => {
          number += 1;
          return `${rule}${comment(number)}`;
        });
        return block(`chain ${name}`, hook === '' ? lines : [hook, ...lines]);
      }),
  ];
  return [
    `add table ${TABLE}`,
    `flush table ${TABLE}`,
    ...RETIRED_CHAINS.flatMap((name) => removeChain(name, '')),
    ...unwanted.flatMap(({ name, hook }) => removeChain(name, ` { ${hook} }`)),
    `table ${TABLE} {`,
    blocks.join('\n\n'),
    '}\n',
  ].join('\n');
}

const block = (head: string, lines: readonly string[]): string =>
  [`  ${head} {`, ...lines.map((line) => `    ${line}`), '  }'].join('\n');

/** `delete` of an absent chain would fail the transaction; after `add` it never is. */
const removeChain = (name: string, definition: string): readonly string[] => [
  `add chain ${TABLE} ${name}${definition}`,
  `delete chain ${TABLE} ${name}`,
];
