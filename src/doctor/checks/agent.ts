// Whether the agent of this node answers: without it pods go on, and nothing that breaks is put
// right again.

import type { Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';

export function agent({ agent }: Facts): Verdict {
  if (agent.known) return [];
  return [
    {
      severity: 'error',
      what: `the agent of this node does not answer: ${agent.why}`,
      why:
        'running pods go on as long as nothing changes; no pod can be started, and nothing that ' +
        'breaks is repaired',
      do:
        'look at why it ended or does not start: kubectl -n poplin logs daemonset/poplin, or ' +
        'journalctl -u poplin; with other paths than the usual ones give doctor --run-dir',
    },
  ];
}
