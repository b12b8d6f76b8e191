// Whether a path takes smaller packets than both ends believe.

import type { PeerStatus } from '../../agent/status.ts';
import { vxlanOverheadBytes } from '../../backend/vxlan.ts';
import type { Facts } from '../facts.ts';
import type { Found, Verdict } from '../finding.ts';
import { peersOf, silences } from '../silence.ts';

export function pathMtu(facts: Facts): Verdict {
  if (!facts.agent.known) return { skipped: 'the agent does not answer' };
  const small = facts.agent.value.peers.filter(({ mtu }) => mtu !== undefined);
  if (small.length > 0) return [ofSmall(small)];
  const silent = silences(facts).filter(({ isOfSizeOnly }) => isOfSizeOnly);
  if (silent.length === 0) return [];
  return [
    {
      severity: 'error',
      what: `small packets come back from ${peersOf(silent)}, those of full size do not`,
      why: WHY,
      do:
        'find out what the network between the nodes takes, as by ping -M do -s SIZE, ' +
        "and set Backend.MTU to that, or the MTU of the nodes' links",
    },
  ];
}

const WHY =
  'something between the nodes takes less than their links say, and tells nobody: ' +
  'connections open ' +
  'and then hang when they send much';

function ofSmall(small: readonly PeerStatus[]): Found {
  const words = small.slice(0, 5).map(({ peer, family, mtu }) => {
    return `${peer} (${family}) takes ${mtu?.foundBytes} bytes, not ${mtu?.believedBytes}`;
  });
  const underlay = Math.min(...small.map((peer) => (peer.mtu?.foundBytes ?? 0) + overheadOf(peer)));
  return {
    severity: 'warning',
    what: `paths take smaller packets than both ends believe: ${words.join('; ')}`,
    why: `${WHY}; Poplin bounds the routes to these peers by what it has found`,
    do:
      `set the MTU of the nodes' links, or Backend.MTU, to ${underlay}, or have the ` +
      'network carry what the links say',
  };
}

const overheadOf = ({ used, family }: PeerStatus): number =>
  used === 'vxlan' ? vxlanOverheadBytes(family) : 0;
