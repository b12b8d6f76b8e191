// Names and addresses that follow from an attachment's identity, and what people read of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostSide } from '../../../src/endpoint/host-side.ts';
import { hostLinkOf, hostMacOf, podMacOf } from '../../../src/endpoint/identity.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { isPodLink } from '../../../src/state/own.ts';
import { attachmentOf, identityOf } from '../../fake/attachment.ts';

test('each part of the identity makes another link, of a name that Linux takes', () => {
  const identity = identityOf('c1');
  const all = [
    identity,
    { ...identity, containerId: 'c2' },
    { ...identity, ifName: 'eth1' },
    { ...identity, network: 'other' },
  ];
  assert.equal(new Set(all.map(hostLinkOf)).size, 4);
  assert.equal(new Set([...all.map(hostMacOf), ...all.map(podMacOf)]).size, 8);
  for (const link of all.map(hostLinkOf)) assert.ok(isPodLink(link) && link.length <= 15, link);
});

test('the alias is the pod, else the container, and never longer than Linux takes', () => {
  const attachment = attachmentOf('c1', ['10.1.0.2' as Ip]);
  const { pod: _, ...anonymous } = attachment;
  const long = { ...attachment, pod: { namespace: 'n'.repeat(63), name: 'p'.repeat(253) } };
  const aliasOf = (one: typeof attachment): string | undefined =>
    hostSide([one], []).links.get(one.hostLink)?.alias;
  assert.equal(aliasOf(attachment), 'default/c1');
  assert.equal(aliasOf(anonymous), 'c1');
  assert.equal(aliasOf(long)?.length, 255);
});
