// Attachments as ADD would describe them, for tests that need some.

import type { Attachment } from '../../src/endpoint/attachment.ts';
import type { AttachmentIdentity } from '../../src/endpoint/identity.ts';
import { hostLinkOf, hostMacOf, podMacOf } from '../../src/endpoint/identity.ts';
import { networkOf } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';

const SUBNET_BITS = { ipv4: 24, ipv6: 64 };

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
    subnets: addresses.map((address) => networkOf(address, SUBNET_BITS[familyOf(address)])),
    pod: { namespace: 'default', name: containerId },
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}
