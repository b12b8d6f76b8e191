// Addresses of pods that Flannel has attached: which are taken, and how they become free.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { HostLocal } from '../../../src/cni/host-local.ts';
import { AttachmentStore } from '../../../src/cni/store.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { attachmentOf } from '../../fake/attachment.ts';
import { FakeClock } from '../../fake/clock.ts';
import { FakeFiles } from '../../fake/store-files.ts';

const FILES = {
  '10.1.0.2': 'first\r\neth0',
  'fd00:1::2': 'first\r\neth0',
  '10.1.0.3': 'second',
  'last_reserved_ip.0': '10.1.0.3',
  lock: '',
};

function withFiles(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-host-local-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'cbr0'));
  for (const [name, text] of Object.entries(FILES)) {
    writeFileSync(join(directory, 'cbr0', name), text);
  }
  return directory;
}

const open = (directory: string, pods: number | undefined = 2): HostLocal =>
  new HostLocal({ directory, podCount: () => pods, log: silentLog });

describe('the addresses of pods of Flannel', () => {
  test('are the names of files, in any network', (t) => {
    const hostLocal = open(withFiles(t));
    assert.deepEqual([...hostLocal.addresses()].sort(), ['10.1.0.2', '10.1.0.3', 'fd00:1::2']);
    assert.equal(hostLocal.problem(), undefined);
  });

  test('are of no interest on a node without its bridge', (t) => {
    const hostLocal = new HostLocal({
      ...{ directory: withFiles(t), podCount: () => undefined, log: silentLog },
    });
    assert.deepEqual([...hostLocal.addresses()], []);
    assert.equal(hostLocal.problem(), undefined);
  });

  test('must be known where there are such pods', () => {
    const problem = open('/nowhere/networks').problem() ?? '';
    assert.match(problem, /2 pods of Flannel .* \/nowhere\/networks cannot be read: ENOENT/);
    assert.equal(open('/nowhere/networks', 0).problem(), undefined);
  });

  test('are named by the flag when the directory is an empty one', (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'poplin-host-local-'));
    t.after(() => rmSync(directory, { recursive: true }));
    assert.match(open(directory).problem() ?? '', /nothing is in .* \(--host-local-dir\)/);
  });

  test('are free when the runtime releases the pod by our network', (t) => {
    const directory = withFiles(t);
    const hostLocal = open(directory);
    hostLocal.release({ containerId: 'first', ifName: 'eth1' });
    assert.equal(hostLocal.addresses().size, 3, 'another interface');
    hostLocal.release({ containerId: 'first', ifName: 'eth0' });
    assert.deepEqual([...hostLocal.addresses()], ['10.1.0.3']);
    assert.equal(existsSync(join(directory, 'cbr0', 'fd00:1::2')), false);
    hostLocal.release({ containerId: 'second', ifName: 'eth0' });
    assert.equal(hostLocal.addresses().size, 0);
    assert.equal(hostLocal.problem(), undefined, 'the last pod is about to go');
  });
});

describe('the store', () => {
  const SUBNETS = ['10.1.0.0/29'] as Cidr[];

  function storeOf(foreign: Set<Ip>) {
    const clock = new FakeClock();
    const store = new AttachmentStore({
      ...{ directory: '/state', files: new FakeFiles(), clock, log: silentLog },
      foreignAddresses: () => foreign,
    });
    const next = (id: string): string => {
      const made = store.reserve(SUBNETS, (addresses) => attachmentOf(id, addresses));
      return made?.addresses.join() ?? 'none';
    };
    return { store, clock, next };
  }

  test('gives no address to two pods, of whatever network', () => {
    const foreign = new Set(['10.1.0.2', '10.1.0.4'] as Ip[]);
    const { store, next } = storeOf(foreign);
    assert.deepEqual(
      [next('a'), next('b'), next('c'), next('d')],
      [...['10.1.0.3', '10.1.0.5', '10.1.0.6', 'none']],
    );
    assert.equal(store.objectionTo('10.1.0.4' as Ip, SUBNETS)?.objection, 'taken');
    assert.equal(store.usage(SUBNETS)[0]?.used, 5);
  });

  test('lets an address rest that a pod of another network has left', async () => {
    const foreign = new Set(['10.1.0.2'] as Ip[]);
    const { store, clock, next } = storeOf(foreign);
    assert.equal(next('a'), '10.1.0.3');
    foreign.clear();
    assert.equal(store.usage(SUBNETS)[0]?.cooling, 1);
    assert.deepEqual([next('b'), next('c'), next('d')], ['10.1.0.4', '10.1.0.5', '10.1.0.6']);
    await clock.advance(61_000);
    assert.equal(store.usage(SUBNETS)[0]?.cooling, 0);
    assert.equal(next('e'), '10.1.0.2', 'when no other is left');
  });
});
