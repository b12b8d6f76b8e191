// The sessions with other nodes: one for each family over an address of that family, so that
// turning a family on or off, or losing it, touches no session of the other. Nodes of one AS have
// a mesh, reflectors, or both; nodes of different AS have a session where they share a network,
// since across a router nothing could be sent that way: the routers between them pass the routes
// on. Pure.

import type { BgpSettings } from '../config/bgp-settings.ts';
import { cidrFamily, contains, networkOf } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, ipToBigInt } from '../net/ip.ts';
import { NODE_PREFIX, protocolName } from './names.ts';
import { asOf, isSelected } from './selectors.ts';
import type {
  LocalAddress,
  Session,
  SessionImports,
  SessionRole,
  SpeakerInput,
  SpeakerNode,
} from './speaker-types.ts';

/** A node has a few subnets; a reflector brings those of all. */
const NODE_ROUTES_MAX = 1000;
const REFLECTED_ROUTES_MAX = 100_000;

export type SpeakerIdentity = { readonly as: number; readonly served: ReadonlySet<Family> };

export function nodeSessions(
  input: SpeakerInput,
  { as, served }: SpeakerIdentity,
): readonly Session[] {
  const { settings, self, underlays, nodes } = input;
  const sessions: Session[] = [];
  for (const node of nodes) {
    if (node.name === self.name || node.isDead === true) continue;
    const remoteAs = asOf(settings, node);
    for (const address of node.addresses) {
      const family = familyOf(address);
      const local = underlays.find((each) => familyOf(each.address) === family);
      if (local === undefined || !served.has(family) || local.address === address) continue;
      const isOneAs = remoteAs === as;
      if (!isOneAs && !isOnNetwork(local, address)) continue;
      const role = isOneAs ? roleOf(settings, self, node) : settings.fullMesh ? 'mesh' : undefined;
      if (role === undefined) continue;
      sessions.push(
        sessionOf(node, { role, local: local.address, as, remoteAs, address, settings }),
      );
    }
  }
  return sessions;
}

export const isOnNetwork = ({ address, lengthBits }: LocalAddress, other: Ip): boolean =>
  contains(networkOf(address, lengthBits), other);

function roleOf(
  { reflectors, fullMesh }: BgpSettings,
  self: SpeakerInput['self'],
  node: SpeakerNode,
): SessionRole | undefined {
  if (reflectors !== undefined) {
    if (isSelected(reflectors.nodes, node)) return 'reflector';
    if (isSelected(reflectors.nodes, self)) return 'client';
  }
  return fullMesh ? 'mesh' : undefined;
}

type Ends = {
  readonly role: SessionRole;
  readonly local: Ip;
  readonly as: number;
  readonly address: Ip;
  readonly remoteAs: number;
  readonly settings: BgpSettings;
};

function sessionOf(node: SpeakerNode, ends: Ends): Session {
  const { role, local, as, address, remoteAs, settings } = ends;
  const family = familyOf(address);
  const { portNumber, nodePassword } = settings;
  return {
    name: protocolName(NODE_PREFIX[family], node.name),
    family,
    role,
    remoteName: node.name,
    local: { address: local, as },
    remote: { address, as: remoteAs, portNumber },
    isPassive: ipToBigInt(local) > ipToBigInt(address),
    gtsm: false,
    bfd: 'graceful',
    ...(nodePassword === undefined ? {} : { password: nodePassword }),
    allowLocalAs: 0,
    importLimit: role === 'reflector' ? REFLECTED_ROUTES_MAX : NODE_ROUTES_MAX,
    imports: importsOf(role, node, family),
    exports: { kind: 'node' },
  };
}

function importsOf(role: SessionRole, { subnets }: SpeakerNode, family: Family): SessionImports {
  if (role === 'reflector') return { kind: 'reflected' };
  const ofFamily = subnets.filter((subnet) => cidrFamily(subnet) === family);
  return { kind: 'subnets', subnets: [...ofFamily].sort() };
}
