// Whether a pod can have the addresses that it asks for, in words for the runtime: which key asked
// for what, what would be right, and who has it. Nothing may come between this and the reservation.

import type { CniWork } from './context.ts';
import type { Verdict } from './errors.ts';
import { CNI_CODES, failed } from './errors.ts';
import type { NodeNetwork } from './node-network.ts';
import type { AddRequest } from './request.ts';
import type { StoredAttachment } from './stored-attachment.ts';

export function refuseAddresses({
  context,
  request,
  network,
}: {
  readonly context: CniWork;
  readonly request: AddRequest;
  readonly network: NodeNetwork;
}): Verdict | undefined {
  const { subnets } = network;
  const right = `it must be a free pod address of ${subnets.join(' or ')}`;
  for (const { key, address } of request.requests.addresses) {
    const found = context.store.objectionTo(address, subnets);
    if (found === undefined) continue;
    const asked = `${key} is "${address}"`;
    switch (found.objection) {
      case 'taken': {
        const message = 'the requested address is taken';
        const details = `${asked}, and ${holderOf(found.holder)} has it; ${right}`;
        return failed(CNI_CODES.tryAgainLater, message, details);
      }
      case 'reserved':
        return unusable(`${asked}, which is no pod's: the first two and the last one; ${right}`);
      case 'foreign':
        return unusable(`${asked}, which is not in a subnet of this node; ${right}`);
    }
  }
  return undefined;
}

const unusable = (details: string): Verdict =>
  failed(CNI_CODES.invalidConfig, 'the requested address cannot be given', details);

function holderOf(stored: StoredAttachment | undefined): string {
  const { attachment } = stored ?? {};
  if (attachment === undefined) return stored?.name.hostLink ?? 'another pod';
  const { pod, containerId, ifName } = attachment;
  const name = pod === undefined ? '' : `pod ${pod.namespace}/${pod.name}, `;
  return `${name}${ifName} of container ${containerId}`;
}
