// Peers that answer neither over a path of the pod network nor at their node's own address: they
// are away, or the underlay is.

import type { Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';
import { peersOf, silences } from '../silence.ts';

export function peerSilent(facts: Facts): Verdict {
  if (!facts.agent.known) return { skipped: 'the agent does not answer' };
  const silent = silences(facts).filter(
    ({ isOfSizeOnly, nodeAnswers, wasLeftOut }) =>
      !isOfSizeOnly && nodeAnswers !== true && !wasLeftOut,
  );
  if (silent.length === 0) return [];
  const addresses = [...new Set(silent.flatMap(({ underlay }) => underlay ?? []))].slice(0, 5);
  const at =
    addresses.length === 0 ? '' : `, nor at their node addresses (${addresses.join(', ')})`;
  return [
    {
      severity: 'warning',
      what: `nothing comes back from ${peersOf(silent)} by the pod network${at}`,
      why:
        'the machines are off, or have other addresses than they say, or the network ' +
        'between is broken; some firewalls drop pings',
      do:
        'look at these machines; delete the Nodes of those that will not come back; ' +
        'compare their addresses with ip address, and name the right one by --iface or ' +
        '--node-ip of the agent',
    },
  ];
}
