// What all pods of a node receive: as much as the smallest of their links, until each has grown.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PodMtus } from '../../../src/agent/pod-mtus.ts';
import type { RetuneOutcome } from '../../../src/cni/retune.ts';
import type { StoredAttachment } from '../../../src/cni/stored-attachment.ts';
import type { Attachment } from '../../../src/endpoint/attachment.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { attachmentOf } from '../../fake/attachment.ts';
import { FakeClock } from '../../fake/clock.ts';

const WANTED = { link: 9000, route: 8950 };

test('a pod whose link cannot grow bounds what peers may be told', async () => {
  const attachments = new Map<string, Attachment>();
  for (const [id, address] of [
    ['first', '10.244.1.2'],
    ['second', '10.244.1.3'],
  ] as const) {
    const attachment = attachmentOf(id, [address as Ip]);
    attachments.set(attachment.hostLink, attachment);
  }
  const clock = new FakeClock();
  const [stubborn] = attachments.keys();
  let refuses = true;
  const mtus = new PodMtus({
    store: {
      entries: () =>
        [...attachments.values()].map(
          (attachment) =>
            ({ name: { isPending: false }, isLeaving: false, attachment }) as StoredAttachment,
        ),
    },
    retune: async ({ attachment, linkMtuBytes, routeMtuBytes }): Promise<RetuneOutcome> => {
      const { hostLink } = attachment;
      if (refuses && hostLink === stubborn)
        return { kind: 'failed', reason: 'made to fail', isFinal: false };
      attachments.set(hostLink, { ...attachment, linkMtuBytes, routeMtuBytes });
      return { kind: 'done' };
    },
    clock,
    log: silentLog,
  });
  assert.equal(await mtus.follow(WANTED), 1500);
  assert.equal(mtus.problems.length, 1);
  refuses = false;
  await clock.advance(60_000);
  assert.equal(await mtus.follow(WANTED), 9000);
  assert.deepEqual(mtus.problems, []);
  // A link is never made smaller, and what is larger than wanted is nobody's business.
  assert.equal(await mtus.follow({ link: 1500, route: 1450 }), 1500);
});
