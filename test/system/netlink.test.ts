// What only a real kernel can show of the adapter: an overflow of notifications and the life after
// it, entering and leaving namespaces, and that opening is cheap.

import assert from 'node:assert/strict';
import { closeSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import type { Hint, Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/linux.ts';
import { NETLINK_ROUTE, NetlinkSocket } from '../../src/kernel/netlink-socket.ts';
import { inNetns, NetnsRegistry, openNetns } from '../../src/kernel/netns.ts';
import { Workspace } from '../../src/kernel/workspace.ts';
import { AppError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import { encodeAddressDump } from '../../src/netlink/address.ts';
import { CHANGE, DUMP, NLM_F_REQUEST } from '../../src/netlink/constants.ts';
import type { MessageCursor } from '../../src/netlink/cursor.ts';
import { encodeLinkQuery, RTM_NEWLINK } from '../../src/netlink/link.ts';
import { VXLAN } from '../conformance/world.ts';
import { TestNamespace } from './namespaces.ts';

const open = (netns: number): Kernel =>
  openKernel({
    netns,
    procSysRoot: '/proc/sys/net',
    netnsRegistry: new NetnsRegistry(),
    log: silentLog,
  });

const UNTIL_MS = 60_000;

const ownNamespace = (): string => readlinkSync('/proc/thread-self/ns/net');

async function until(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + UNTIL_MS;
  while (!condition()) {
    assert.ok(performance.now() < endMs, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('lost notifications are told as overflow, and later ones are told again', async () => {
  using namespace = new TestNamespace('overflow');
  const kernel = open(namespace.fd);
  const hints: Hint[] = [];
  const stop = kernel.watch((hint) => hints.push(hint));
  try {
    for (let burst = 1; burst <= 2; burst += 1) {
      hints.length = 0;
      // The main thread is held up while `ip` makes far more notifications than there is room for.
      const routes = Array.from({ length: 30_000 }, (_, index) => {
        const [high, middle] = [burst * 100 + (index >> 14), (index >> 6) & 255];
        return `route add unreachable 10.${high}.${middle}.${(index & 63) * 4}/30`;
      });
      namespace.run('ip -batch -', `${routes.join('\n')}\n`);
      await until(() => hints.includes('overflow'), 'an overflow is told');
      await new Promise((resolve) => setTimeout(resolve, 50));
      hints.length = 0;
      namespace.run(`ip route del unreachable 10.${burst * 100}.0.0/30`);
      await until(() => hints.includes('route'), 'after the overflow a single change is told');
    }
  } finally {
    stop();
    kernel.close();
  }
});

test('work inside a namespace comes back to where it was, also when it throws', () => {
  using namespace = new TestNamespace('enter');
  const home = ownNamespace();
  const inside = inNetns(namespace.fd, ownNamespace);
  assert.notEqual(inside, home);
  assert.equal(ownNamespace(), home);
  assert.throws(
    () =>
      inNetns(namespace.fd, () => {
        throw new TypeError('inside');
      }),
    /inside/,
  );
  assert.equal(ownNamespace(), home);
});

test('a path that names another namespace by now is refused', () => {
  using namespace = new TestNamespace('inode');
  const { inode, fd } = openNetns(namespace.path);
  assert.equal(inNetns(fd, ownNamespace), `net:[${inode}]`);
  assert.throws(
    () => openNetns(namespace.path, inode + 1),
    (error) => error instanceof AppError && error.code === 'NETNS',
  );
  assert.throws(() => openNetns('/run/netns/pk-no-such'), /it is not there/);
  const noNamespace = openNetns('/proc/self/status').fd;
  assert.throws(() => inNetns(noNamespace, ownNamespace), /EINVAL/);
  closeSync(noNamespace);
  closeSync(fd);
});

test('the link-local address that a new link gives itself later is no hint', async () => {
  using namespace = new TestNamespace('linklocal');
  namespace.run('ip link set lo up');
  const kernel = open(namespace.fd);
  const hints: Hint[] = [];
  const stop = kernel.watch((hint) => hints.push(hint));
  try {
    const value = { ...VXLAN, underlay: '' };
    assert.deepEqual(await kernel.apply([{ verb: 'add', object: 'link', value }]), []);
    const hasLinkLocal = (): boolean =>
      namespace.run('ip -6 addr show dev poplin4-1 scope link -tentative').includes('fe80::');
    await until(hasLinkLocal, 'duplicate address detection ends');
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(hints, []);
  } finally {
    stop();
    kernel.close();
  }
});

test('a kernel is opened and closed in less than a millisecond', () => {
  using namespace = new TestNamespace('cheap');
  open(namespace.fd).close();
  const roundsMs = Array.from({ length: 50 }, () => {
    const startMs = performance.now();
    open(namespace.fd).close();
    return performance.now() - startMs;
  });
  // What it costs is in each; what the machine does beside it, in some.
  const [eachMs = 0] = roundsMs.sort((a, b) => a - b);
  assert.ok(eachMs < 1, `${eachMs.toFixed(3)} ms each`);
});

test('answers that nobody took do not disturb what is asked next', () => {
  using namespace = new TestNamespace('stray');
  namespace.run('ip link set lo up');
  const workspace = new Workspace();
  const { writer } = workspace;
  const settings = { protocol: NETLINK_ROUTE, netns: namespace.fd, workspace };
  const socket = new NetlinkSocket(settings);
  try {
    // An acknowledgement and a dump, both left unread.
    encodeLinkQuery(writer, CHANGE, { name: 'lo' });
    socket.send(writer);
    encodeAddressDump(writer, DUMP);
    socket.send(writer);
    const types = new Set<number>();
    const pass = {
      operation: 'read links',
      restart: () => types.clear(),
      visit: (message: MessageCursor) => types.add(message.type),
    };
    for (let count = 0; count < 3; count += 1) {
      socket.dump((batch) => encodeLinkQuery(batch, DUMP, {}), writer, pass);
      assert.deepEqual([...types], [RTM_NEWLINK]);
    }
    writer.clear();
    encodeLinkQuery(writer, NLM_F_REQUEST, { name: 'absent' });
    assert.equal(socket.exchange(writer).size, 1);
  } finally {
    socket.close();
  }
});
