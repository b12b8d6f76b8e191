// Whether something eats VXLAN's packets: a rule of this node that is sure to drop them, or else
// something on the way, told from a dead peer by the peer's node answering a ping.

import { reachOf } from '../../cluster/reach.ts';
import type { RulesetChain } from '../../desired/nft-ruleset.ts';
import { dropIn } from '../../desired/nft-walk.ts';
import { NFT_NAME } from '../../net/family.ts';
import { familyOf } from '../../net/ip.ts';
import { NFT_TABLE, ownsLink } from '../../state/own.ts';
import type { Facts } from '../facts.ts';
import type { Found, Verdict } from '../finding.ts';
import { peersOf, silences } from '../silence.ts';
import type { VxlanPacket } from '../vxlan-packet.ts';
import { matchesVxlan } from '../vxlan-packet.ts';

const INCOMING_HOOKS = ['prerouting', 'input'];
const OUTGOING_HOOKS = ['output', 'postrouting'];

export function udpPortBlocked(facts: Facts): Verdict {
  const here = facts.rules.known ? dropsHere(facts, facts.rules.value) : [];
  if (here.length > 0) return here;
  const silent = silences(facts).filter(
    ({ path, isOfSizeOnly, nodeAnswers }) =>
      path === 'vxlan' && !isOfSizeOnly && nodeAnswers === true,
  );
  if (silent.length > 0) return [elsewhere(facts, peersOf(silent))];
  if (facts.rules.known || facts.agent.known) return [];
  return { skipped: facts.rules.why };
}

function dropsHere(facts: Facts, chains: readonly RulesetChain[]): readonly Found[] {
  const found = new Map<string, Found>();
  for (const packet of packetsOf(facts)) {
    const hooks = packet.isIncoming ? INCOMING_HOOKS : OUTGOING_HOOKS;
    for (const base of chains) {
      const isAsked = base.hook !== undefined && hooks.includes(base.hook);
      const seesFamily = base.family === 'inet' || base.family === NFT_NAME[packet.family];
      if (!isAsked || !seesFamily || base.table === NFT_TABLE) continue;
      const drop = dropIn(base, chains, (match) => matchesVxlan(match, packet));
      if (drop === undefined) continue;
      const where = `table ${base.family} ${base.table}, chain ${drop.chain}: ${drop.rule}`;
      found.set(where, byRule(where, base, packet));
    }
  }
  return [...found.values()];
}

/** What the devices that are there send and receive. */
function packetsOf({ kernel, peers }: Facts): readonly VxlanPacket[] {
  if (!kernel.known) return [];
  const addresses = (peers.known ? peers.value : []).flatMap(
    (node) => reachOf(node)?.underlay ?? [],
  );
  return [...kernel.value.links.values()].flatMap((link) => {
    if (link.kind !== 'vxlan' || !ownsLink(link.name)) return [];
    const family = familyOf(link.local);
    const others = addresses.filter((ip) => familyOf(ip) === family);
    const { portNumber, local: own, underlay } = link;
    const common = { family, own, link: underlay, portNumber, peers: others };
    return [true, false].map((isIncoming) => ({ ...common, isIncoming }));
  });
}

function byRule(where: string, base: RulesetChain, { portNumber, isIncoming }: VxlanPacket): Found {
  const way = isIncoming ? 'from peers' : 'to peers';
  return {
    severity: 'error',
    what: `a firewall of this node drops VXLAN's packets ${way} (UDP port ${portNumber}): ${where}`,
    why: 'no packet between pods of this node and of others gets through by VXLAN',
    do:
      base.table === 'firewalld'
        ? `firewall-cmd --permanent --add-port=${portNumber}/udp, then firewall-cmd --reload`
        : `accept UDP port ${portNumber} between the nodes there ` +
          `(with ufw: ufw allow ${portNumber}/udp)`,
  };
}

function elsewhere({ config }: Facts, names: string): Found {
  const backend = config.known ? config.value.backend : undefined;
  const port = backend === undefined || backend.type === 'host-gw' ? '' : ` ${backend.portNumber}`;
  return {
    severity: 'error',
    what: `nothing comes back by VXLAN from ${names}, though their node addresses answer`,
    why:
      `UDP port${port} is dropped between the nodes, or by a firewall of the others; VMware NSX ` +
      'takes packets of port 8472 for its own',
    do:
      `allow UDP port${port} between all nodes, both ways, in the cloud's security group or the ` +
      'firewall on the way; run poplin doctor on the others; or set Backend.Port to ' +
      'one that passes',
  };
}
