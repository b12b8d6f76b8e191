// What an agent releases at its start by the runtime's own cache of attachments, and above all what
// it keeps.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readRuntimeCache, runtimeCacheOf } from '../../../src/cni/runtime-cache.ts';
import { hostLinkOf } from '../../../src/endpoint/identity.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { FakeCniNode } from '../../fake/cni-node.ts';

/** A node with one attachment, of which its link and its namespace may be gone. */
async function nodeWith(gone: { link: boolean; netns: boolean }): Promise<FakeCniNode> {
  const node = new FakeCniNode();
  assert.equal((await node.call('ADD')).exitCode, 0);
  const [attachment] = node.store.attachments();
  assert.ok(attachment !== undefined);
  if (gone.link) {
    const { links, routes } = node.host.namespace;
    links.delete(attachment.hostLink);
    routes.clear();
    node.podKernel.namespace.links.delete('eth0');
  }
  node.podIsGone = gone.netns;
  node.restart();
  return node;
}

const NOBODY = runtimeCacheOf([]);

describe('at the start of an agent', () => {
  test('an attachment without link and namespace that nobody knows is released', async () => {
    const node = await nodeWith({ link: true, netns: true });
    assert.equal(await node.service.releaseOrphans(NOBODY), 1);
    assert.equal(node.leftovers(), '');
    assert.deepEqual(node.store.entries(), []);
    assert.equal(await node.service.releaseOrphans(NOBODY), 0);
  });

  test('one whose ADD has not ended is released likewise', async () => {
    const node = await nodeWith({ link: true, netns: true });
    const [file = ''] = node.files.list('/state/attachments');
    const path = `/state/attachments/${file}`;
    node.files.rename(path, path.replace(/json$/, 'pending'));
    node.restart();
    assert.equal(await node.service.releaseOrphans(NOBODY), 1);
    assert.equal(node.leftovers(), '');
  });

  for (const [what, gone, names] of [
    ['the runtime knows', { link: true, netns: true }, ['poplin-c1-eth0']],
    ['has its namespace', { link: true, netns: false }, []],
    ['has its link, whatever is visible', { link: false, netns: true }, []],
    ['has both', { link: false, netns: false }, []],
  ] as const) {
    test(`one that ${what} is kept`, async () => {
      const node = await nodeWith(gone);
      assert.equal(await node.service.releaseOrphans(runtimeCacheOf(names)), 0);
      assert.equal(node.store.attachments().length, 1);
    });
  }

  for (const [what, gone, names, released] of [
    ['is released without link and runtime', { link: true, netns: false }, ['x-c1-eth0'], 1],
    ['is kept with its link', { link: false, netns: true }, [], 0],
    ['is kept when the runtime knows it', { link: true, netns: true }, ['poplin-c1-eth0'], 0],
  ] as const) {
    test(`one whose file is not readable any more ${what}`, async () => {
      const node = await nodeWith(gone);
      const [file = ''] = node.files.list('/state/attachments');
      node.files.contents.set(`/state/attachments/${file}`, '');
      node.restart();
      assert.equal(await node.service.releaseOrphans(runtimeCacheOf(names)), released);
      assert.equal(node.store.entries().length, 1 - released);
      assert.equal(node.files.list('/state/attachments').includes(file), released === 0);
    });
  }

  test('a name that only begins alike is another', async () => {
    const node = await nodeWith({ link: true, netns: true });
    const names = ['poplin-c1-eth01', 'poplin-c11-eth0', 'other-c1-eth0', 'poplin-c1'];
    assert.equal(await node.service.releaseOrphans(runtimeCacheOf(names)), 1);
  });

  test('one that cannot be released now stays, with its addresses', async () => {
    const node = await nodeWith({ link: true, netns: true });
    node.files.refusal = 'EROFS';
    assert.equal(await node.service.releaseOrphans(NOBODY), 0);
    assert.equal(node.store.entries().length, 1);
  });

  test('a kernel that cannot be read releases nothing and is no end', async () => {
    const node = await nodeWith({ link: true, netns: true });
    node.host.read = () => {
      throw new AppError('NETLINK', 'read links', 'made to fail');
    };
    assert.equal(await node.service.releaseOrphans(NOBODY), 0);
    assert.equal(node.store.attachments().length, 1);
  });
});

describe('the cache of the runtime', () => {
  test('is unknown when it is missing or no directory', () => {
    const directory = mkdtempSync(join(tmpdir(), 'poplin-cache-'));
    writeFileSync(join(directory, 'file'), '');
    assert.equal(readRuntimeCache(join(directory, 'missing'), silentLog), undefined);
    assert.equal(readRuntimeCache(join(directory, 'file'), silentLog), undefined);
    rmSync(directory, { recursive: true });
  });

  test('knows what has a file, whatever is in it', () => {
    const directory = mkdtempSync(join(tmpdir(), 'poplin-cache-'));
    mkdirSync(join(directory, 'cni-loopback-c1-lo'));
    writeFileSync(join(directory, 'poplin-c1-eth0'), '');
    const cache = readRuntimeCache(directory, silentLog);
    assert.ok(cache !== undefined);
    const of = (containerId: string) => ({ network: 'poplin', containerId, ifName: 'eth0' });
    assert.equal(cache.knows(of('c1')), true);
    assert.equal(cache.knows(of('c2')), false);
    rmSync(directory, { recursive: true });
  });

  test('knows a link by whatever a name could mean', () => {
    const cache = runtimeCacheOf(['my-net-c-1-eth0', 'odd', 'two-parts']);
    for (const [network, containerId, ifName, isKnown] of [
      ['my-net', 'c-1', 'eth0', true],
      ['my', 'net-c-1', 'eth0', true],
      ['my-net', 'c', '1-eth0', true],
      ['my-net', 'c-1', 'eth1', false],
    ] as const) {
      const hostLink = hostLinkOf({ network, containerId, ifName });
      assert.equal(cache.knowsLink(hostLink), isKnown, `${network} ${containerId} ${ifName}`);
    }
  });
});
