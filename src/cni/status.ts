// STATUS: whether an ADD would succeed now. It answers at once, since containerd asks inside each
// of its own Status calls. It changes nothing but a probe file, which tells whether the disk takes
// one.

import type { CniWork } from './context.ts';
import type { Verdict } from './errors.ts';
import { CNI_CODES, done, failed } from './errors.ts';
import { exhaustedText, NO_FREE_ADDRESS } from './exhausted.ts';
import type { NodeNetwork } from './node-network.ts';
import { failedBy } from './verdict.ts';

export function status(context: CniWork): Verdict {
  const readiness = context.readiness();
  if (readiness.kind === 'not-ready') {
    return failed(CNI_CODES.notAvailable, 'the node is not ready for pods', readiness.reason);
  }
  const obstacle = obstacleTo(readiness.network, context);
  if (obstacle !== undefined) return obstacle;
  if (readiness.kind === 'degraded') {
    const message = 'pods of this node reach less than they should';
    return failed(CNI_CODES.limitedConnectivity, message, readiness.reason);
  }
  return done();
}

function obstacleTo(network: NodeNetwork, { store }: CniWork): Verdict | undefined {
  const choice = store.choose(network.subnets);
  if (choice.kind === 'exhausted') {
    // Whoever comes now waits for it.
    if (network.whenFull.kind === 'grows') return undefined;
    return failed(CNI_CODES.notAvailable, NO_FREE_ADDRESS, exhaustedText(choice, network));
  }
  try {
    store.probe();
    return undefined;
  } catch (error) {
    const verdict = failedBy(error, 'attachments cannot be written');
    if (verdict.kind === 'done') return verdict;
    return failed(CNI_CODES.notAvailable, verdict.failure.message, verdict.failure.details);
  }
}
