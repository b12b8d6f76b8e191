// What is seen of the Node while a request is under way counts more than the request's own answer,
// which may be older: else what somebody writes in between is never put right.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnnotationPublisher } from '../../../../src/source/kubernetes/annotation-publisher.ts';
import type { KubernetesApi } from '../../../../src/source/kubernetes/api.ts';
import { FakeClock } from '../../../fake/clock.ts';

const NEVER = new AbortController().signal;
const MINE = { 'poplin.dev/advert': 'mine' };

/** `whileCalled` runs before the answer comes, which is as of the write. */
function publisherWith(whileCalled: (publisher: AnnotationPublisher) => void) {
  let calls = 0;
  const call = async (): Promise<unknown> => {
    calls += 1;
    whileCalled(publisher);
    return { metadata: { annotations: MINE } };
  };
  const client: Pick<KubernetesApi, 'call'> = { call };
  const publisher = new AnnotationPublisher({
    client: client as KubernetesApi,
    clock: new FakeClock(),
    random: () => 0.5,
    nodeName: 'self',
  });
  return { publisher, calls: () => calls };
}

test('what somebody writes before the answer comes is put right by the next try', async () => {
  const { publisher, calls } = publisherWith((own) => {
    if (calls() === 1) own.see({ 'poplin.dev/advert': 'somebody’s' });
  });
  assert.equal(await publisher.publish(MINE, NEVER), true);
  assert.equal(await publisher.publish(MINE, NEVER), true);
  assert.equal(calls(), 2);
});

test('its own write that is seen before the answer comes is not repeated', async () => {
  const { publisher, calls } = publisherWith((own) => own.see(MINE));
  assert.equal(await publisher.publish(MINE, NEVER), true);
  assert.equal(await publisher.publish(MINE, NEVER), false);
  assert.equal(calls(), 1);
});
