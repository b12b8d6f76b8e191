// Whether a firewall of somebody else drops or rejects pods' forwarded packets: firewalld, ufw,
// Docker. An accept of ours cannot override that.

import { findForeignDrops } from '../../desired/foreign-drops.ts';
import type { Facts } from '../facts.ts';
import type { Found, Verdict } from '../finding.ts';

export function forwardDrop({ rules, config, agent }: Facts): Verdict {
  if (config.known && rules.known) {
    return findForeignDrops(config.value, rules.value).map(({ message }) => found(message));
  }
  if (agent.known) return agent.value.foreignDrops.map(found);
  return { skipped: config.known ? (rules.known ? '' : rules.why) : config.why };
}

function found(message: string): Found {
  const [what = message, remedy = ''] = message.split(/; (?=[^;]*$)/);
  return {
    severity: 'error',
    what,
    why: 'each table of nftables has its own say: what one drops, no other can let pass',
    do: remedy === '' ? 'accept packets from and to the pod network there' : remedy,
  };
}
