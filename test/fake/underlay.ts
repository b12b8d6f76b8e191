// Cases of the search for a node's underlay: what its links have and what is said, as short texts,
// and what is found, in one line of words: `address link mtu[ as public]: rule`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { UnderlaySearch } from '../../src/agent/underlay.ts';
import { findUnderlays } from '../../src/agent/underlay.ts';
import type { UnderlayWish } from '../../src/agent/underlay-wish.ts';
import { NO_WISH } from '../../src/agent/underlay-wish.ts';
import type { AddressWords, ClusterNode } from '../../src/cluster/node.ts';
import type { Family } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { AddressDrawback, KernelState, Link } from '../../src/state/kernel-state.ts';
import { EMPTY_STATE } from '../../src/state/kernel-state.ts';
import type { RouteLookup } from '../../src/state/route-lookup.ts';

/** `LINK ADDRESS [link | DRAWBACK]`, or a link alone. */
function kernelWith(entries: readonly string[], vxlanLocal?: string): KernelState {
  const links = new Map<string, Link>();
  const addresses = entries.flatMap((text) => {
    const [link = '', address, word] = text.split(' ');
    links.set(link, { kind: 'other', name: link, mtuBytes: link === 'eth1' ? 9000 : 1500 } as Link);
    if (address === undefined) return [];
    const scope = word === 'link' ? ('link' as const) : ('global' as const);
    const drawback = word === 'link' || word === undefined ? {} : { drawback: word };
    const rest = { scope, protocol: 0, ...(drawback as { drawback?: AddressDrawback }) };
    return [{ link, address: address as Ip, lengthBits: 24, ...rest }];
  });
  if (vxlanLocal !== undefined) {
    const local = vxlanLocal as Ip;
    links.set('poplin4-1', { kind: 'vxlan', name: 'poplin4-1', local } as Link);
  }
  return {
    ...EMPTY_STATE,
    links,
    addresses: new Map(addresses.map((entry) => [`${entry.link} ${entry.address}`, entry])),
  };
}

export type UnderlayCase = {
  readonly name: string;
  readonly kernel: readonly string[];
  readonly internalIps?: readonly string[];
  readonly words?: Partial<Record<keyof AddressWords, readonly string[]>>;
  readonly inUse?: readonly string[];
  readonly vxlanLocal?: string;
  readonly wish?: Partial<Record<'interfaces' | 'canReach' | 'publicIps' | 'nodeIps', string[]>>;
  readonly patterns?: readonly string[];
  readonly lookups?: Readonly<Record<string, RouteLookup>>;
  readonly families?: readonly Family[];
  readonly found: readonly string[];
  readonly problems?: readonly string[];
  readonly kept?: readonly string[];
};

function wishOf({ wish = {}, patterns = [] }: UnderlayCase): UnderlayWish {
  const expressions = patterns.map((text) => ({ text, expression: new RegExp(text) }));
  return { ...NO_WISH, ...(wish as object), patterns: expressions };
}

function searchOf(given: UnderlayCase): UnderlaySearch {
  const { internalIps = [], words, inUse, families = ['ipv4'] } = given;
  const self = {
    internalIps: internalIps as readonly Ip[],
    ...(words === undefined
      ? {}
      : { addressWords: { publicIps: [], overwrites: [], ...words } as AddressWords }),
    ...(inUse === undefined ? {} : { advert: { underlay: inUse } as ClusterNode['advert'] }),
  } as ClusterNode;
  return findUnderlays({
    kernel: kernelWith(given.kernel, given.vxlanLocal),
    self,
    families,
    wish: wishOf(given),
    lookups: new Map(Object.entries(given.lookups ?? {}) as [Ip, RouteLookup][]),
  });
}

const textsOf = ({ underlays }: UnderlaySearch): string[] =>
  underlays.map(({ address, link, mtuBytes, publicAddress, chosenBy }) => {
    const told = publicAddress === undefined ? '' : ` as ${publicAddress}`;
    return `${address} ${link} ${mtuBytes}${told}: ${chosenBy}`;
  });

export function describeUnderlay(group: string, cases: readonly UnderlayCase[]): void {
  describe(`the underlay ${group}`, () => {
    for (const given of cases) {
      test(given.name, () => {
        const search = searchOf(given);
        assert.deepEqual(textsOf(search), given.found);
        assert.deepEqual(search.problems, given.problems ?? []);
        assert.deepEqual(search.kept, given.kept ?? []);
      });
    }
  });
}
