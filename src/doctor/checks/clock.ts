// Whether this node's wall clock says what the API server's or etcd's does. Rights to subnets do
// not depend on it; certificates, tokens, and whoever compares logs do.

import type { Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';

/** The header Date has whole seconds, and an answer takes its time. */
const AHEAD_MAX_MS = 30_000;
/** A service account's token and a fresh certificate are refused beyond this. */
const AHEAD_ERROR_MS = 300_000;

export function clock({ api }: Facts): Verdict {
  if (!api.known) return { skipped: api.why };
  const { aheadMs, problem, server } = api.value;
  if (aheadMs === undefined) {
    return { skipped: problem === '' ? `${server} does not say what time it is` : problem };
  }
  if (Math.abs(aheadMs) <= AHEAD_MAX_MS) return [];
  const direction = aheadMs > 0 ? 'ahead of' : 'behind';
  return [
    {
      severity: Math.abs(aheadMs) > AHEAD_ERROR_MS ? 'error' : 'warning',
      what:
        `the clock of this node is ${Math.round(Math.abs(aheadMs) / 1000)} s ` +
        `${direction} that of ${server}`,
      why:
        'valid certificates and tokens are refused, and stamps of logs and Events do not ' +
        'fit together; after a reboot, rights to subnets in etcd end at the wrong time',
      do:
        'have the time kept by a service, as chrony or systemd-timesyncd: timedatectl ' +
        'set-ntp true',
    },
  ];
}
