// Whether another machine has an address that peers reach this node by: found by asking the
// network for it, and among the nodes' own adverts.

import type { Facts } from '../facts.ts';
import type { Found, Verdict } from '../finding.ts';

export function duplicateAddress({ duplicates, agent, kernel, node }: Facts): Verdict {
  const onNetwork = duplicates.known ? duplicates.value : [];
  const failed = kernel.known
    ? [...kernel.value.addresses.values()].filter(
        ({ address, drawback, scope }) =>
          drawback === 'duplicate' && scope === 'global' && address.includes(':'),
      )
    : [];
  const said = agent.known ? (agent.value.nodeProblems[node] ?? []) : [];
  const found = [
    ...onNetwork.map(({ address, link, mac }) =>
      finding(`another machine on ${link} has the address ${address} too (${mac})`),
    ),
    ...failed.map(({ address, link }) =>
      finding(`${address} on ${link} is not usable: another machine has answered for it`),
    ),
    ...said.filter((text) => /is also that of/.test(text)).map(finding),
  ];
  if (found.length > 0) return found;
  return duplicates.known ? [] : { skipped: duplicates.why };
}

const finding = (what: string): Found => ({
  severity: 'error',
  what,
  why: 'packets reach the one or the other, as neighbours happen to have learned it',
  do:
    'give one of the two machines another address; look for a copied virtual machine, or ' +
    'a DHCP range that holds fixed addresses',
});
