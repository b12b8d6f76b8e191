// What another pod network has left on the node, or is still doing there: its devices and its
// tables of nftables. Known by the names that these networks use.

import type { RulesetChain } from '../../desired/nft-ruleset.ts';
import type { Link } from '../../state/kernel-state.ts';
import type { Facts } from '../facts.ts';
import type { Found, Verdict } from '../finding.ts';

const FLANNEL = 'Flannel';

const LINKS: readonly (readonly [RegExp, string])[] = [
  [/^flannel[.-]/, FLANNEL],
  [/^cni0$/, "Flannel's bridge plugin"],
  [/^vxlan(-v6)?\.calico$/, 'Calico'],
  [/^cali[0-9a-f]/, 'Calico'],
  [/^wireguard\.cali$/, 'Calico'],
  [/^(kube-bridge|kube-dummy-if)$/, 'kube-router'],
  [/^cilium_/, 'Cilium'],
  [/^weave$/, 'Weave'],
];

const CHAINS: readonly (readonly [RegExp, string])[] = [
  [/^(cali-|filter-cali|nat-cali)/, 'Calico'],
  [/^FLANNEL-/, FLANNEL],
  [/^KIND-MASQ/, 'kindnet'],
  [/^KUBE-ROUTER-/, 'kube-router'],
  [/^CILIUM_/, 'Cilium'],
  [/^WEAVE/, 'Weave'],
];

const TABLES: readonly (readonly [RegExp, string])[] = [
  [/^flannel-/, FLANNEL],
  [/^(kindnet|kindnet-.*|kube-network-policies)$/, 'kindnet'],
  [/^calico$/, 'Calico'],
  [/^kube-router/, 'kube-router'],
];

export function leftovers({ kernel, rules, agent }: Facts): Verdict {
  if (!kernel.known) return { skipped: kernel.why };
  // Pods of Flannel are still on this node: what they need is no leftover.
  const bridge = agent.known ? agent.value.flannel?.bridge : undefined;
  const others = [...kernel.value.links.values()].filter(({ name }) => name !== bridge);
  const links = byOwner(others, ({ name }) => ownerOf(name, LINKS));
  const chains: ReadonlyMap<string, RulesetChain[]> = rules.known
    ? byOwner(rules.value, (chain) => {
        const owner = ownerOfChain(chain);
        return owner === FLANNEL && bridge !== undefined ? undefined : owner;
      })
    : new Map();
  return [
    ...[...links].map(([owner, found]) => ofLinks(owner, found)),
    ...[...chains].map(([owner, found]) => ofChains(owner, found)),
  ];
}

const ownerOf = (name: string, owners: typeof LINKS): string | undefined =>
  owners.find(([pattern]) => pattern.test(name))?.[1];

const ownerOfChain = ({ table, name }: RulesetChain): string | undefined =>
  ownerOf(name, CHAINS) ?? ownerOf(table, TABLES);

function byOwner<Item>(
  items: readonly Item[],
  owner: (item: Item) => string | undefined,
): Map<string, Item[]> {
  const found = new Map<string, Item[]>();
  for (const item of items) {
    const name = owner(item);
    if (name === undefined) continue;
    found.set(name, [...(found.get(name) ?? []), item]);
  }
  return found;
}

function ofLinks(owner: string, links: readonly Link[]): Found {
  const names = links.map(({ name }) => name);
  return {
    severity: 'warning',
    what: `there are devices of ${owner}: ${namesOf(names)}`,
    why:
      'its routes may lead packets astray; a VXLAN device of the same VNI and port keeps ours ' +
      'from being made',
    do:
      `when ${owner} is gone from the cluster and no pod on this node uses it any more, ` +
      `ip link delete ${names[0]}${names.length > 1 ? ' (and the others)' : ''}, or ` +
      'reboot the node',
  };
}

function ofChains(owner: string, chains: readonly RulesetChain[]): Found {
  const names = chains.map(({ family, table, name }) => `${family} ${table} ${name}`);
  return {
    severity: 'warning',
    what: `there are rules of ${owner}: ${namesOf([...new Set(names)])}`,
    why: 'they masquerade, drop or mark packets of pods as that network would',
    do:
      `when ${owner} is gone from the cluster, remove its chains by nft or iptables, or ` +
      'reboot the node',
  };
}

const NAMES_MAX = 5;

const namesOf = (names: readonly string[]): string =>
  names.length > NAMES_MAX
    ? `${names.slice(0, NAMES_MAX).join(', ')} and ${names.length - NAMES_MAX} more`
    : names.join(', ');
