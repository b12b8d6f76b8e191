// The sysctls that a node of the network needs, beside those of single pods. Pure: what is set now
// comes in, since two of them depend on it. Originals are recorded by the agent before a change.

import type { Underlay } from '../backend/backend.ts';
import type { Config } from '../config/config.ts';
import { localnetSysctl } from '../endpoint/host-ports.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES } from '../net/family.ts';
import { isPodLink } from '../state/own.ts';

const IPV4_FORWARDING = 'ipv4/ip_forward';
const IPV6_FORWARDING = 'ipv6/conf/all/forwarding';

export type LinksInUse = {
  readonly underlays: readonly Underlay[];
  readonly ownLinks: readonly string[];
  /** What BIRD's routes to pods lead over: answers may come by others of them. */
  readonly birdLinks: readonly string[];
  /** Of pods that Flannel has attached. */
  readonly oldBridge?: string | undefined;
};

/** Everything that `wantedSysctls` looks at or may set, for the read of the kernel. */
export function sysctlsToRead({ underlays, ownLinks, birdLinks, oldBridge }: LinksInUse): string[] {
  const named = underlays.map((underlay) => underlay.link);
  const links = [...new Set([...named, ...ownLinks, ...birdLinks])];
  return [
    IPV4_FORWARDING,
    'ipv4/conf/all/rp_filter',
    IPV6_FORWARDING,
    ...links.map((link) => `ipv4/conf/${link}/rp_filter`),
    ...links.map((link) => `ipv4/conf/${link}/forwarding`),
    ...links.filter(isPodLink).map(localnetSysctl),
    ...underlays.map((underlay) => `ipv6/conf/${underlay.link}/accept_ra`),
    ...(oldBridge === undefined ? [] : FAMILIES.flatMap((family) => proxying(oldBridge, family))),
  ];
}

/**
 * Pods behind the bridge take the whole subnet for their segment and ask there for pods of ours:
 * the node answers, and at once, where the kernel would wait up to 0.8 s (proxy_delay).
 */
const proxying = (bridge: string, family: Family): readonly [proxy: string, delay: string] =>
  family === 'ipv4'
    ? [`ipv4/conf/${bridge}/proxy_arp`, `ipv4/neigh/${bridge}/proxy_delay`]
    : [`ipv6/conf/${bridge}/proxy_ndp`, `ipv6/neigh/${bridge}/proxy_delay`];

export function wantedSysctls(
  config: Config,
  links: LinksInUse,
  current: ReadonlyMap<string, string>,
): Map<string, string> {
  const wanted = new Map<string, string>();
  const families = new Set(config.families.map(({ family }) => family));
  if (families.has('ipv6')) {
    // Forwarding makes the kernel ignore router advertisements unless accept_ra is 2, and a node
    // whose default route came from one would lose it. So this goes first.
    for (const { link } of links.underlays) {
      const path = `ipv6/conf/${link}/accept_ra`;
      const value = current.get(path);
      if (value === '1' || value === '2') wanted.set(path, '2');
    }
    wanted.set(IPV6_FORWARDING, '1');
  }
  if (families.has('ipv4')) {
    wanted.set(IPV4_FORWARDING, '1');
    addReversePathFilters(wanted, links, current);
  }
  const { oldBridge } = links;
  for (const family of oldBridge === undefined ? [] : families) {
    const [proxy, delay] = proxying(oldBridge ?? '', family);
    wanted.set(proxy, '1').set(delay, '0');
  }
  return wanted;
}

/**
 * All that the kernel changes when this is changed, itself first: forwarding of the machine sets
 * that of every link, and for IPv4 whether redirects are taken (inet_forward_change).
 */
export function changedWith(path: string, links: readonly string[]): readonly string[] {
  const all = ['default', ...links];
  if (path === IPV4_FORWARDING) {
    const forwarding = all.map((link) => `ipv4/conf/${link}/forwarding`);
    return [path, 'ipv4/conf/all/accept_redirects', ...forwarding];
  }
  if (path === IPV6_FORWARDING) return [path, ...all.map((link) => `ipv6/conf/${link}/forwarding`)];
  return [path];
}

/** What sets others goes first when sysctls are put back. */
export const setsOthers = (path: string): boolean =>
  path === IPV4_FORWARDING || path === IPV6_FORWARDING;

/**
 * Strict reverse-path filtering drops packets that come in by another path than the answer leaves
 * by, which is the normal case while nodes move one after another. The kernel takes the larger of
 * the `all` and the link's value: 1 is strict, 2 is loose.
 */
function addReversePathFilters(
  wanted: Map<string, string>,
  links: LinksInUse,
  current: ReadonlyMap<string, string>,
): void {
  const lax = current.get('ipv4/conf/all/rp_filter') === '1' ? '2' : '0';
  for (const link of links.ownLinks) wanted.set(`ipv4/conf/${link}/rp_filter`, lax);
  const others = links.birdLinks.filter((link) => !links.ownLinks.includes(link));
  for (const link of new Set([...links.underlays.map((by) => by.link), ...others])) {
    const path = `ipv4/conf/${link}/rp_filter`;
    const value = current.get(path);
    const effective = Math.max(Number(value ?? '0'), Number(lax === '2' ? '1' : '0'));
    if (value !== undefined && effective === 1) wanted.set(path, '2');
  }
}
