// The sessions with routers that are no nodes: those of the settings that are for this node, that
// are of a family which is served, and that can be reached from an address of it. What cannot be
// done is a problem in words, and no session: BIRD would wait for it at each of its restarts.
// Pure.

import type { BgpPeer } from '../config/bgp-settings.ts';
import { FAMILY_LABEL } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import { PEER_PREFIX, protocolName } from './names.ts';
import type { SpeakerIdentity } from './node-sessions.ts';
import { isOnNetwork } from './node-sessions.ts';
import { isSelected } from './selectors.ts';
import type { LocalAddress, Session, SpeakerInput } from './speaker-types.ts';

type PeerIdentity = SpeakerIdentity & { readonly taken: readonly Session[] };

export type PeerSessions = {
  readonly sessions: readonly Session[];
  readonly problems: readonly string[];
};

export function peerSessions(input: SpeakerInput, identity: PeerIdentity): PeerSessions {
  const sessions: Session[] = [];
  const problems: string[] = [];
  for (const peer of input.settings.peers) {
    const isServed = identity.served.has(familyOf(peer.address));
    if (!isServed || !isSelected(peer.nodes, input.self)) continue;
    const found = sessionWith(peer, input, {
      ...identity,
      taken: [...identity.taken, ...sessions],
    });
    if (typeof found === 'string') problems.push(`peer ${labelOf(peer)}: ${found}`);
    else sessions.push(found);
  }
  return { sessions, problems };
}

const labelOf = ({ name, address }: BgpPeer): string =>
  name === address ? address : `${name} (${address})`;

/** Why there is none, in words. */
function sessionWith(
  peer: BgpPeer,
  input: SpeakerInput,
  { as, taken }: PeerIdentity,
): Session | string {
  if (addressesOf(input).some(({ address }) => address === peer.address)) {
    return 'the address is one of this node';
  }
  const same = taken.find(({ remote }) => remote.address === peer.address);
  if (same !== undefined) {
    return same.role === 'peer'
      ? `peer ${same.remoteName} has the same address and comes first`
      : `it is node ${same.remoteName}, with which there is a session already`;
  }
  const start = startOf(peer, input);
  return 'problem' in start ? start.problem : sessionOf(peer, { local: start.address, as, input });
}

const addressesOf = ({ underlays, addresses }: SpeakerInput): readonly LocalAddress[] => [
  ...underlays,
  ...addresses,
];

/** The address that the session starts from. */
function startOf(
  peer: BgpPeer,
  input: SpeakerInput,
): { readonly address: Ip } | { readonly problem: string } {
  const family = familyOf(peer.address);
  const own = addressesOf(input).filter(({ address }) => familyOf(address) === family);
  const { sourceAddress, multihop, address } = peer;
  const source = own.find((each) => each.address === sourceAddress);
  if (sourceAddress !== undefined && source === undefined) {
    return { problem: `SourceAddress ${sourceAddress} is no address of this node` };
  }
  if (source !== undefined && (multihop !== undefined || isOnNetwork(source, address))) {
    return source;
  }
  if (source !== undefined) {
    return { problem: `it is not on the network of SourceAddress ${source.address}: set Multihop` };
  }
  const onNetwork = own.find((each) => isOnNetwork(each, address));
  if (onNetwork !== undefined) return onNetwork;
  if (multihop === undefined) {
    return { problem: 'it is on no network of this node: set Multihop if routers are between' };
  }
  const [first] = own;
  return first ?? { problem: `this node has no ${FAMILY_LABEL[family]} address to start from` };
}

function sessionOf(
  peer: BgpPeer,
  { local, as, input }: { readonly local: Ip; readonly as: number; readonly input: SpeakerInput },
): Session {
  const { acceptPods, announcePods, announceServices, importRules, exportRules } = peer;
  const family = familyOf(peer.address);
  return {
    name: protocolName(PEER_PREFIX[family], peer.name),
    family,
    role: 'peer',
    remoteName: peer.name,
    local: { address: local, as },
    remote: { address: peer.address, as: peer.as, portNumber: peer.portNumber },
    isPassive: false,
    ...(peer.multihop === undefined ? {} : { multihop: peer.multihop }),
    gtsm: peer.gtsm,
    bfd: peer.bfd ? 'on' : 'off',
    ...(peer.password === undefined ? {} : { password: peer.password }),
    allowLocalAs: peer.allowLocalAs,
    importLimit: peer.importLimit,
    imports: { kind: 'peer', rules: importRules, acceptPods },
    exports: {
      kind: 'peer',
      ...{ rules: exportRules, announcePods, announceServices },
      communities: [...new Set([...input.settings.communities, ...peer.communities])],
    },
  };
}
