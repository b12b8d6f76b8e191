// What Linux does with links, and what dies with them. Each function changes the namespace or says
// in the kernel's words why not. Held to the real kernel by test/conformance.

import { isDeepStrictEqual } from 'node:util';
import type { LinkRename } from '../../src/kernel/kernel.ts';
import { familyOf, ipFromBytes } from '../../src/net/ip.ts';
import { macToBytes } from '../../src/net/mac.ts';
import type {
  FdbEntry,
  Link,
  Neighbour,
  VethLink,
  VxlanLink,
} from '../../src/state/kernel-state.ts';
import { keyOfAddress } from '../../src/state/kernel-state.ts';
import type { FakeNamespace } from './namespace.ts';
import { removeAddressOf, routesVia } from './reach.ts';
import { type Refusal, refuse } from './refusal.ts';

const NAME_BYTES_MAX = 15;
const VNI_LIMIT = 1 << 24;
/** Outer Ethernet, IP, UDP and VXLAN headers. */
const VXLAN_HEADROOM_BYTES = { ipv4: 50, ipv6: 70 } as const;

export function addLink(namespace: FakeNamespace, link: Link): Refusal | undefined {
  if (link.kind === 'other') return refuse(`links of '${link.driver}' are not made`);
  if (Buffer.byteLength(link.name) > NAME_BYTES_MAX) {
    return refuse('ERANGE: Attribute failed policy validation');
  }
  const { links } = namespace;
  const existing = links.get(link.name);
  if (existing !== undefined) {
    if (isDeepStrictEqual(existing, withoutPeer(link))) return undefined;
    return refuse('EEXIST: another is in its place');
  }
  const refusal = refuseKind(namespace, link);
  if (refusal !== undefined) return refusal;
  links.set(link.name, link.kind === 'vxlan' ? fitted(namespace, link) : withoutPeer(link));
  giveLinkLocal(namespace, link.name);
  return undefined;
}

function refuseKind(namespace: FakeNamespace, link: Link): Refusal | undefined {
  if (link.kind === 'vxlan') return refuseVxlan(namespace, link);
  return link.kind === 'veth' ? addPeer(namespace, link) : undefined;
}

function refuseVxlan(namespace: FakeNamespace, link: VxlanLink): Refusal | undefined {
  if (link.underlay !== '' && !namespace.links.has(link.underlay)) {
    return refuse(`ENODEV: there is no link ${link.underlay}`);
  }
  if (link.vni >= VNI_LIMIT) return refuse('ERANGE: VXLAN ID must be lower than 16777216');
  const sharing = [...namespace.links.values()].filter(
    (other): other is VxlanLink =>
      other.kind === 'vxlan' &&
      other.portNumber === link.portNumber &&
      familyOf(other.local) === familyOf(link.local),
  );
  if (sharing.some(({ vni, gbp }) => vni === link.vni && gbp === link.gbp)) {
    return refuse('EEXIST: A VXLAN device with the specified VNI already exists');
  }
  return link.up && sharing.some(({ up, gbp }) => up && gbp !== link.gbp)
    ? refuse('EADDRINUSE')
    : undefined;
}

function mtuLimit(namespace: FakeNamespace, link: VxlanLink): number {
  const underlay = namespace.links.get(link.underlay);
  const headroom = VXLAN_HEADROOM_BYTES[familyOf(link.local)];
  return underlay === undefined ? 65_535 : underlay.mtuBytes - headroom;
}

/** A new device is quietly made as small as its underlay needs it. */
const fitted = (namespace: FakeNamespace, link: VxlanLink): VxlanLink => ({
  ...link,
  mtuBytes: Math.min(link.mtuBytes, mtuLimit(namespace, link)),
});

function addPeer(namespace: FakeNamespace, link: VethLink): Refusal | undefined {
  const { peer } = link;
  if (peer === undefined) return refuse('a veth pair needs its other end');
  const other = namespace.machine.find(peer.netns);
  if (other === undefined) {
    return { ...refuse('nobody holds it open'), operation: `use network namespace ${peer.netns}` };
  }
  if (other.links.has(peer.name)) return refuse('EEXIST: another is in its place');
  const { name, mac, mtuBytes } = peer;
  other.links.set(name, { kind: 'veth', name, up: false, mtuBytes, mac, group: 0, alias: '' });
  namespace.peers.set(link.name, { namespace: other, name });
  other.peers.set(name, { namespace, name: link.name });
  return undefined;
}

function withoutPeer(link: Link): Link {
  if (link.kind !== 'veth') return link;
  const { peer: _, ...rest } = link;
  return rest;
}

export function changeLink(namespace: FakeNamespace, wanted: Link): Refusal | undefined {
  const { links } = namespace;
  const actual = links.get(wanted.name);
  if (actual === undefined) return refuse(`ENODEV: there is no link ${wanted.name}`);
  const refusal = refuseChange(namespace, actual, wanted);
  if (refusal !== undefined) return refusal;
  links.set(wanted.name, withoutPeer(wanted));
  if (actual.mac !== wanted.mac) flushNeighbours(namespace, wanted.name);
  if (actual.up && !wanted.up) linkGoesDown(namespace, wanted.name);
  if (!actual.up && wanted.up) giveLinkLocal(namespace, wanted.name);
  return undefined;
}

function refuseChange(namespace: FakeNamespace, actual: Link, wanted: Link): Refusal | undefined {
  if (actual.kind !== wanted.kind) return refuse('EINVAL');
  if (actual.kind !== 'vxlan' || wanted.kind !== 'vxlan') return undefined;
  if (actual.vni !== wanted.vni) return refuse('EOPNOTSUPP: Cannot change VNI');
  if (actual.portNumber !== wanted.portNumber) return refuse('EOPNOTSUPP: Cannot change port');
  if (familyOf(actual.local) !== familyOf(wanted.local)) {
    return refuse('EOPNOTSUPP: New local address family does not match old');
  }
  if (actual.udpChecksum !== wanted.udpChecksum) {
    return refuse('EOPNOTSUPP: Cannot change UDP_CSUM flag');
  }
  if (actual.gbp !== wanted.gbp) return refuse('EOPNOTSUPP: vxlan: cannot change GBP flag');
  const grows = actual.mtuBytes !== wanted.mtuBytes;
  return grows && wanted.mtuBytes > mtuLimit(namespace, wanted) ? refuse('EINVAL') : undefined;
}

/** addrconf: with carrier a link gives itself fe80::/64 and its EUI-64. */
function giveLinkLocal(namespace: FakeNamespace, name: string): void {
  const ends = [{ namespace, name }];
  const peer = namespace.peers.get(name);
  if (peer !== undefined) ends.push(peer);
  if (ends.some((end) => end.namespace.links.get(end.name)?.up !== true)) return;
  for (const end of ends) {
    const link = end.namespace.links.get(end.name);
    if (link === undefined || link.kind === 'other') continue;
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = macToBytes(link.mac);
    const bytes = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    const address = {
      link: end.name,
      address: ipFromBytes(Uint8Array.from(bytes)),
      lengthBits: 64,
      scope: 'link',
      protocol: 3,
    } as const;
    end.namespace.addresses.set(keyOfAddress(address), address);
  }
}

function flushNeighbours(namespace: FakeNamespace, link: string): void {
  for (const [key, neighbour] of namespace.neighbours) {
    if (neighbour.link === link) namespace.neighbours.delete(key);
  }
}

function linkGoesDown(namespace: FakeNamespace, link: string): void {
  flushNeighbours(namespace, link);
  for (const [key, route] of routesVia(namespace, link)) {
    if (route !== undefined) namespace.routes.delete(key);
  }
  for (const [key, nexthop] of namespace.nexthops) {
    if (nexthop.link === link) namespace.nexthops.delete(key);
  }
  for (const [key, address] of namespace.addresses) {
    const isIpv6 = familyOf(address.address) === 'ipv6';
    if (address.link === link && isIpv6) namespace.addresses.delete(key);
  }
}

/** Where something was led to it, it is led nowhere. */
function forgetQdiscs({ qdiscs }: FakeNamespace, name: string): void {
  for (const [key, qdisc] of qdiscs) {
    if (qdisc.link === name) qdiscs.delete(key);
    else if (qdisc.kind === 'redirect' && qdisc.to === name) qdiscs.set(key, { ...qdisc, to: '' });
  }
}

/** All that lies on it has its new name. */
export function renameLink(
  namespace: FakeNamespace,
  { from, to, alias }: LinkRename,
): Refusal | undefined {
  const { links } = namespace;
  const link = links.get(from);
  if (link === undefined) return refuse('ENODEV: it is not there');
  if (links.has(to)) return refuse('EEXIST');
  links.delete(from);
  links.set(to, { ...link, name: to, alias });
  for (const address of [...namespace.addresses.values()]) {
    if (address.link !== from) continue;
    namespace.addresses.delete(keyOfAddress(address));
    namespace.addresses.set(keyOfAddress({ ...address, link: to }), { ...address, link: to });
  }
  for (const map of [namespace.neighbours, namespace.fdb]) {
    for (const [key, value] of [...map] as [string, Neighbour & FdbEntry][]) {
      if (value.link !== from) continue;
      map.delete(key);
      map.set(`${to}${key.slice(from.length)}`, { ...value, link: to });
    }
  }
  for (const [key, route] of [...namespace.routes]) {
    const { via } = route;
    if (!('link' in via) || via.link !== from) continue;
    namespace.routes.set(key, { ...route, via: { ...via, link: to } });
  }
  for (const [path, value] of [...namespace.sysctls]) {
    if (path.split('/')[2] !== from) continue;
    namespace.sysctls.delete(path);
    namespace.sysctls.set(path.replace(`/${from}/`, `/${to}/`), value);
  }
  return undefined;
}

export function removeLink(namespace: FakeNamespace, name: string): Refusal | undefined {
  const link = namespace.links.get(name);
  if (link === undefined) return undefined;
  if (link.kind === 'other' && link.driver !== 'bridge') return refuse('EOPNOTSUPP');
  linkGoesDown(namespace, name);
  for (const address of [...namespace.addresses.values()]) {
    if (address.link === name) removeAddressOf(namespace, address);
  }
  for (const [key, entry] of namespace.fdb) if (entry.link === name) namespace.fdb.delete(key);
  forgetQdiscs(namespace, name);
  namespace.links.delete(name);
  for (const other of [...namespace.links.values()]) {
    if (other.kind === 'vxlan' && other.underlay === name) removeLink(namespace, other.name);
  }
  const peer = namespace.peers.get(name);
  namespace.peers.delete(name);
  if (peer?.namespace.links.has(peer.name)) removeLink(peer.namespace, peer.name);
  return undefined;
}
