// Whether the underlay eats packets with pods' addresses while those of nodes pass, as clouds do
// that compare source and destination with the machine's own address.

import type { Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';
import { peersOf, silences } from '../silence.ts';

export function sourceCheck(facts: Facts): Verdict {
  if (!facts.agent.known) return { skipped: 'the agent does not answer' };
  const silent = silences(facts).filter(
    ({ path, isOfSizeOnly, nodeAnswers }) =>
      path !== 'vxlan' && !isOfSizeOnly && nodeAnswers === true,
  );
  if (silent.length === 0) return [];
  const paths = [...new Set(silent.map(({ path }) => path))].join(' and ');
  return [
    {
      severity: silent.some(({ isUsed }) => isUsed) ? 'error' : 'warning',
      what:
        `packets with pods' addresses do not reach ${peersOf(silent)} by ${paths}, ` +
        'though node addresses answer',
      why:
        "a network that knows nodes' addresses alone drops all others: the check of source and " +
        'destination of a cloud, port security, or a router that sends them elsewhere',
      do:
        'switch the check off for the machines (AWS: source/destination check; ' +
        'Google: canIpForward; ' +
        'Azure: IP forwarding; OpenStack: allowed address pairs), or set Backend.Type to vxlan',
    },
  ];
}
