// Attachments as ADD would describe them, for tests that need some.

import type { Attachment } from '../../src/endpoint/attachment.ts';
import type { AttachmentIdentity } from '../../src/endpoint/identity.ts';
import { hostLinkOf, hostMacOf, podMacOf } from '../../src/endpoint/identity.ts';
import type { Ip } from '../../src/net/ip.ts';

export const identityOf = (containerId: string): AttachmentIdentity => ({
  network: 'poplin',
  containerId,
  ifName: 'eth0',
});

export function attachmentOf(containerId: string, addresses: readonly Ip[]): Attachment {
  const identity = identityOf(containerId);
  return {
    ...identity,
    netns: `/run/netns/${containerId}`,
    netnsInode: 4_026_532_000,
    hostLink: hostLinkOf(identity),
    hostMac: hostMacOf(identity),
    podMac: podMacOf(identity),
    addresses,
    linkMtuBytes: 1500,
    routeMtuBytes: 1450,
    pod: { namespace: 'default', name: containerId },
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}
