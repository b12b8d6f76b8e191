// What kernels before Linux 6.2 need for a rename: the device is down for a moment. It keeps what
// it was made by, its address and its FDB; its routes it loses, which the pass after it lays anew.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { NetnsRegistry } from '../../src/kernel/netns.ts';
import { renameWhileDown } from '../../src/kernel/rename-link.ts';
import { Session } from '../../src/kernel/session.ts';
import { Workspace } from '../../src/kernel/workspace.ts';
import { TestNamespace } from './namespaces.ts';

const MAKE = `
  ip link set lo up
  ip link add flannel.1 address 6e:00:00:00:00:01 type vxlan id 1 local 127.0.0.1 dstport 8472
  ip addr add 10.244.1.0/32 dev flannel.1
  ip link set flannel.1 up
  ip neigh add 10.244.2.0 lladdr 6e:00:00:00:00:02 dev flannel.1 nud permanent
  bridge fdb add 6e:00:00:00:00:02 dev flannel.1 dst 127.0.0.2 self permanent
  ip route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink`;

test('a device that cannot be renamed while it is up is down for that moment alone', () => {
  using namespace = new TestNamespace('rename');
  const run = (...argv: readonly string[]): string =>
    execFileSync('ip', ['netns', 'exec', namespace.name, ...argv], { encoding: 'utf8' });
  run('sh', '-ec', MAKE);
  const session = new Session({
    ...{ netns: namespace.fd, procSysRoot: '/proc/sys/net', netnsRegistry: new NetnsRegistry() },
    ...{ workspace: new Workspace(), isBrief: false },
  });
  try {
    const index = session.queryLink('flannel.1') ?? assert.fail('it is there');
    assert.deepEqual(renameWhileDown(session, { index, name: 'poplin4-1', alias: 'adopted' }), []);
  } finally {
    session.close();
  }
  const link = run('ip', '-d', '-o', 'link', 'show', 'dev', 'poplin4-1');
  assert.match(link, /UP.*6e:00:00:00:00:01.*vxlan id 1 .*alias adopted/s);
  assert.match(run('ip', 'address', 'show', 'dev', 'poplin4-1'), /10\.244\.1\.0\/32/);
  assert.match(run('bridge', 'fdb', 'show', 'dev', 'poplin4-1'), /6e:.*:02 dst 127\.0\.0\.2/);
  assert.equal(run('ip', 'route', 'show', 'dev', 'poplin4-1'), '');
});
