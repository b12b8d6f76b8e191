// Why a node that has other nodes beside it would have no session at all, in words that name the
// key and what would be right: nearly always a label or a name that no node has. Whether a session
// comes up is not asked here. Pure.

import type { LabelTerm, NodeSelector } from '../config/bgp-settings.ts';
import { nodeSessions } from './node-sessions.ts';
import { asOf, isSelected } from './selectors.ts';
import type { Speaker, SpeakerInput } from './speaker-types.ts';

/** undefined: it has one, or there is nobody to have one with. */
export function explainNoSessions(input: SpeakerInput, speaker: Speaker): string | undefined {
  const others = input.nodes.filter(({ name }) => name !== input.self.name);
  if (speaker.sessions.length > 0 || others.length === 0) return undefined;
  // That there is none with the dead is no fault of the settings.
  const nodes = others.map(({ isDead: _, ...node }) => node);
  const served = new Set(speaker.families.map(({ family }) => family));
  const found = nodeSessions({ ...input, nodes }, { as: speaker.as, served });
  return found.length > 0 ? undefined : reasonOf(input, speaker);
}

function reasonOf({ settings, self, nodes }: SpeakerInput, { as }: Speaker): string {
  const { reflectors, fullMesh, peers } = settings;
  if (reflectors !== undefined && !fullMesh) {
    const found = [self, ...nodes].filter((node) => isSelected(reflectors.nodes, node));
    if (found.length === 0) return `BGP.RouteReflectors: ${whoIsNot(reflectors.nodes)}`;
    const names = found.map(({ name }) => name).slice(0, NAMED_MAX);
    const which = `of those that are chosen (${names.join(', ')})`;
    return `BGP.RouteReflectors: ${which} none of AS ${as} is reached by this node`;
  }
  if (!fullMesh && peers.length > 0) {
    const own = peers.filter((peer) => isSelected(peer.nodes, self));
    if (own.length > 0) return `BGP.Peers: none of this node's (${own.length}) can be one here`;
    return 'BGP.Peers: no entry is for this node, by NodeSelector or NodeNames';
  }
  const ases = new Set(nodes.map((node) => asOf(settings, node)));
  return ases.has(as)
    ? 'BGP: this node has no address by which it could speak to the others'
    : `BGP.NodeAS: this node is alone in AS ${as}, and no entry of BGP.Peers is for it`;
}

const NAMED_MAX = 5;

function whoIsNot(selector: NodeSelector): string {
  if (selector.kind === 'all') return 'no node is there';
  if (selector.kind === 'names') {
    return `no node is called ${selector.names.slice(0, NAMED_MAX).join(' or ')}`;
  }
  const terms = selector.terms.map(termText);
  return `no node has the ${terms.length === 1 ? 'label' : 'labels'} ${terms.join(',')}`;
}

function termText({ key, operator, value }: LabelTerm): string {
  switch (operator) {
    case 'exists':
      return key;
    case 'absent':
      return `!${key}`;
    case 'equals':
      return `${key}=${value}`;
    case 'differs':
      return `${key}!=${value}`;
  }
}
