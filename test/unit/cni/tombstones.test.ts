// DELs that came while the agent was away: each is carried out, at the start or as soon as it can
// be, whatever stands beside it, and none of them meets a later pod of the same container.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRequest } from '../../../src/cni/frame.ts';
import { FakeCniNode } from '../../fake/cni-node.ts';

const DIRECTORY = '/state/tombstones';
const TOMBSTONE = `${DIRECTORY}/c1@eth0`;

/** As the executable writes it. */
function delOf(containerId: string): string {
  const environment = new Map([
    ['CNI_COMMAND', 'DEL'],
    ['CNI_CONTAINERID', containerId],
    ['CNI_IFNAME', 'eth0'],
    ['CNI_PATH', '/opt/cni/bin'],
  ]);
  const stdin = Buffer.from('{"cniVersion":"1.0.0","name":"poplin"}');
  const frame = { environment, stdin, hasNetns: false, isRepeated: false };
  return encodeRequest(frame).toString('latin1');
}

/** A node whose agent starts with the DEL of its one pod. */
async function nodeWithTombstone(): Promise<FakeCniNode> {
  const node = new FakeCniNode();
  assert.equal((await node.call('ADD')).exitCode, 0);
  node.files.contents.set(TOMBSTONE, delOf('c1'));
  node.restart();
  return node;
}

test('a tombstone of another version of Poplin stays for it', async () => {
  const node = new FakeCniNode();
  node.files.contents.set(TOMBSTONE, 'PPLN\u0002 in words of its own');
  await node.service.replayTombstones();
  assert.deepEqual(node.files.list(DIRECTORY), ['c1@eth0']);
});

test('a tombstone goes when it is carried out or is none, and stays when it fails', async () => {
  const node = await nodeWithTombstone();
  node.files.contents.set(`${DIRECTORY}/c9@eth0`, 'not a frame');
  node.host.inject({ effect: 'fail' });
  await node.service.replayTombstones();
  assert.deepEqual(node.files.list(DIRECTORY), ['c1@eth0']);
  assert.notEqual(node.leftovers(), '');
  await node.service.replayTombstones();
  assert.deepEqual(node.files.list(DIRECTORY), []);
  assert.equal(node.leftovers(), '');
});

test('one that cannot be read stays, and keeps no other from being carried out', async () => {
  const node = await nodeWithTombstone();
  node.files.directories.add(`${DIRECTORY}/a@eth0`).add(`${DIRECTORY}/z@eth0`);
  await node.service.replayTombstones();
  assert.deepEqual(node.files.list(DIRECTORY), ['a@eth0', 'z@eth0']);
  assert.equal(node.leftovers(), '');
});

test('one that meets a fault of the agent keeps no other from being carried out', async () => {
  const node = await nodeWithTombstone();
  node.files.contents.set(`${DIRECTORY}/c0@eth0`, delOf('c0'));
  node.host.inject({ effect: 'crash-before' });
  await node.service.replayTombstones();
  assert.equal(node.files.list(DIRECTORY).length, 1);
  await node.clock.advance(2_000);
  assert.deepEqual(node.files.list(DIRECTORY), []);
  assert.equal(node.leftovers(), '');
});

test('what failed at the start is tried again while the agent runs, with growing pauses', async () => {
  const node = await nodeWithTombstone();
  node.host.inject({ effect: 'fail', times: 5 });
  await node.service.replayTombstones();
  const tries = (): number => node.host.applied.length;
  const first = tries();
  await node.clock.advance(900);
  assert.equal(tries(), first);
  await node.clock.advance(6_000);
  assert.equal(tries(), 3 * first, 'after 1 s and after 2 s more');
  assert.deepEqual(node.files.list(DIRECTORY), ['c1@eth0']);
  await node.clock.advance(600_000);
  assert.deepEqual(node.files.list(DIRECTORY), []);
  assert.equal(node.leftovers(), '');
});

test('a new ADD is refused while the earlier DEL of its container fails', async () => {
  const node = await nodeWithTombstone();
  node.host.inject({ effect: 'fail', times: 2 });
  await node.service.replayTombstones();
  const refused = await node.call('ADD');
  assert.match(refused.stdout, /"code":11,.*earlier DEL of this container/);
  assert.equal((await node.call('ADD')).exitCode, 0);
  assert.deepEqual(node.files.list(DIRECTORY), []);
  await node.clock.advance(600_000);
  assert.equal(node.service.attachments().length, 1, 'no late DEL takes the new pod');
});

test('what a killed executable had begun to write goes, and what is being written stays', async () => {
  const node = new FakeCniNode();
  const nowMs = node.clock.now().getTime();
  for (const [name, ageMs] of [
    ['.17-4711.tmp', 3_600_000],
    ['.18-4712.tmp', 30_000],
    ['.19-4713.tmp', -3_600_000],
    ['.of-somebody-else', 3_600_000],
  ] as const) {
    node.files.contents.set(`${DIRECTORY}/${name}`, 'half a fr');
    node.files.written.set(`${DIRECTORY}/${name}`, nowMs - ageMs);
  }
  await node.service.replayTombstones();
  assert.deepEqual(node.files.list(DIRECTORY), ['.18-4712.tmp', '.of-somebody-else']);
});
