// DELs that come while the agent is away, from the executable's tombstone to the agent's replay.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { add, del, runIn, TestNode } from './node.ts';

test('a DEL while the agent is away is carried out when it is back', async () => {
  const node = await TestNode.create('away');
  try {
    const pod = node.addPod('p');
    const kept = node.addPod('k');
    const [v4 = ''] = await add(node, pod);
    const [keptV4 = ''] = await add(node, kept);
    await node.stop();
    await del(node, pod);
    assert.throws(() => node.run('ping', '-c', '1', '-W', '1', v4), 'its link is down');
    node.run('ping', '-c', '1', '-W', '1', keptV4);
    // In the node's own namespace nothing is ever set down.
    await del(node, { ...kept, id: 'x', netns: node.netns });
    assert.match(node.run('ip', '-br', 'link', 'show', 'lo'), /UP/);
    assert.equal(readdirSync(node.place.tombstoneDirectory).length, 2);
    await node.start();
    assert.deepEqual(readdirSync(node.place.tombstoneDirectory), []);
    const left = node.service.attachments().map(({ containerId }) => containerId);
    assert.deepEqual(left, ['k']);
    assert.equal(runIn(pod, 'ip', '-br', 'link').includes('eth0'), false);
    const [again] = await add(node, pod);
    assert.notEqual(again, v4, 'the address rests');
  } finally {
    await node.remove();
  }
});

test('a tombstone that came too late is settled before the next ADD of its container', async () => {
  const node = await TestNode.create('late');
  try {
    const pod = node.addPod('p');
    await node.stop();
    await del(node, pod);
    const name = join(node.place.tombstoneDirectory, 'p@eth0');
    const bytes = readFileSync(name);
    await node.start();
    writeFileSync(name, bytes);
    await add(node, pod);
    assert.deepEqual(readdirSync(node.place.tombstoneDirectory), []);
    await node.service.replayTombstones();
    assert.equal(node.service.attachments().length, 1);
  } finally {
    await node.remove();
  }
});
