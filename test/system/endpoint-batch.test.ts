// A pod's link with all that lies on it goes to the kernel as one batch on another thread, by an
// index that we choose: what that must not harm, on real namespaces.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GATEWAYS } from '../../src/endpoint/gateway.ts';
import type { Hint, Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/linux.ts';
import { NetnsRegistry } from '../../src/kernel/netns.ts';
import { silentLog } from '../../src/lib/log.ts';
import { linksOf } from '../../src/state/kernel-state.ts';
import type { AddOp } from '../../src/state/op.ts';
import {
  add,
  address,
  ip,
  link,
  mac,
  neighbour,
  route,
  routeTo,
  SCOPE,
  sysctl,
} from '../conformance/world.ts';
import { TestNamespace } from './namespaces.ts';

const LINK = 'poplin012345678';
const FIRST_INDEX = 100_000_000;

class Node implements Disposable {
  readonly host = new TestNamespace('host');
  readonly pod = new TestNamespace('pod');
  readonly kernel: Kernel;
  readonly hints: Hint[] = [];

  constructor(isWatched = true) {
    const netnsRegistry = new NetnsRegistry();
    netnsRegistry.hold(this.pod.path, this.pod.fd);
    const settings = { procSysRoot: '/proc/sys/net', netnsRegistry, log: silentLog };
    this.kernel = openKernel({ ...settings, netns: this.host.fd });
    if (isWatched) this.kernel.watch((hint) => this.hints.push(hint));
  }

  show(what: string): string {
    return this.host.run(`ip ${what}`).trim();
  }

  [Symbol.dispose](): void {
    this.kernel.close();
    this.host[Symbol.dispose]();
    this.pod[Symbol.dispose]();
  }
}

/** What ADD asks for, for a pod with both families. */
const endpoint = (node: Node): readonly AddOp[] =>
  [
    add(
      link({
        kind: 'veth',
        name: LINK,
        up: true,
        mtuBytes: 1450,
        mac: mac(0x21),
        group: 113,
        alias: 'default/web',
        peer: { name: 'eth0', mac: mac(0x22), mtuBytes: 1450, netns: node.pod.path },
      }),
    ),
    add(sysctl(`ipv4/conf/${LINK}/rp_filter`, '0')),
    add(sysctl(`ipv4/conf/${LINK}/forwarding`, '1')),
    ...(['ipv4', 'ipv6'] as const).map((family) => {
      const { address: gateway, lengthBits, scope } = GATEWAYS[family];
      return add(address({ link: LINK, address: gateway, lengthBits, scope, protocol: 113 }));
    }),
    ...['10.244.1.7', 'fd00::7'].map((pod) =>
      add(neighbour({ link: LINK, address: ip(pod), mac: mac(0x22) })),
    ),
    add(route(routeTo('10.244.1.7/32', { kind: 'link', link: LINK }))),
    add(route(routeTo('fd00::7/128', { kind: 'link', link: LINK }))),
  ] as readonly AddOp[];

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

test('a whole endpoint is made, is no news, and has no address that nobody asked for', async () => {
  using node = new Node();
  assert.deepEqual(await node.kernel.apply(endpoint(node)), []);
  node.pod.run('ip link set eth0 up');
  await settled();
  node.hints.length = 0;
  assert.match(node.show(`-o link show ${LINK}`), /alias default\/web/);
  assert.match(node.show('route show 10.244.1.7'), new RegExp(`dev ${LINK} proto 113 scope link`));
  assert.match(node.show('-6 route show fd00::7'), new RegExp(`dev ${LINK} proto 113`));
  assert.match(node.show(`neigh show 10.244.1.7 dev ${LINK}`), /PERMANENT/);
  const addresses = node.show(`-o address show dev ${LINK}`).split('\n');
  assert.deepEqual(
    addresses.map((line) => line.trim().split(/\s+/)[3]).sort(),
    ['169.254.1.1/32', `${GATEWAYS.ipv6.address}/${GATEWAYS.ipv6.lengthBits}`].sort(),
  );
  assert.deepEqual(node.hints, []);
  assert.deepEqual(await node.kernel.apply(endpoint(node)), [], 'twice is no failure');
});

test('what the kernel refuses of it fails alone', async () => {
  using node = new Node();
  node.show('link add other type veth peer name otherpeer');
  node.show('link set other up');
  node.show('route add 10.244.1.7/32 dev other proto 113 metric 16');
  const failures = await node.kernel.apply(endpoint(node));
  assert.deepEqual(
    failures.map(({ op }) => op.object),
    ['route'],
  );
  assert.match(failures[0]?.error.message ?? '', /EEXIST/);
  assert.match(node.show('-6 route show fd00::7'), new RegExp(`dev ${LINK}`));
  assert.match(node.show('route show 10.244.1.7'), /dev other/);
});

test('a link that has the number already is left alone', async () => {
  using node = new Node(false);
  node.show(`link add other index ${FIRST_INDEX} type veth peer name otherpeer`);
  await settled();
  assert.deepEqual(await node.kernel.apply(endpoint(node)), []);
  assert.match(node.show(`-o link show ${LINK}`), new RegExp(`^${FIRST_INDEX + 1}:`));
  assert.equal(node.show('-o -4 address show dev other'), '');
});

test('a kernel without IPv6 on the link gets it all the same', async () => {
  using node = new Node();
  const ops = endpoint(node).filter((op) => !JSON.stringify(op.value).includes('fd00::'));
  const small = ops
    .filter((op) => op.object !== 'address' || op.value.address.includes('.'))
    .map((op) =>
      op.object === 'link' && op.value.kind === 'veth'
        ? add(link({ ...op.value, mtuBytes: 1200 }))
        : op,
    );
  assert.deepEqual(await node.kernel.apply(small), []);
  assert.match(node.show(`-o link show ${LINK}`), /alias default\/web/);
});

test('a link that comes while the kernel is read is left out with all that lies on it', () => {
  using node = new Node(false);
  let comes = true;
  // Asked between the dump of links and those of what lies on them.
  const ownsLink = (name: string): boolean => {
    if (comes) {
      comes = false;
      node.show(`link add ${LINK} type veth peer name other`);
      for (const end of [LINK, 'other']) node.show(`link set ${end} up`);
      node.show(`address add 169.254.1.1/32 dev ${LINK}`);
      node.show(`route add 10.244.1.7/32 dev ${LINK} proto 113 metric 16`);
      node.show(`-6 route add fd00::7/128 dev ${LINK} proto 113 metric 16`);
      node.show(`route add 10.244.2.0/24 proto 113 metric 16 nexthop dev ${LINK} nexthop dev lo`);
      node.show(`nexthop add id 7 via 10.244.3.0 dev ${LINK} onlink proto 113`);
      node.show('route add 10.244.3.0/24 nhid 7 proto 113 metric 16');
    }
    return SCOPE.ownsLink(name);
  };
  node.show('link set lo up');
  const during = node.kernel.read({ ...SCOPE, ownsLink });
  assert.equal(comes, false);
  assert.deepEqual(
    [[...during.links.keys()], [...during.routes.keys()], [...during.nexthops.keys()]],
    [['lo'], [], []],
  );
  const places = [...during.addresses.values()].map((each) => each.link);
  assert.deepEqual(new Set(places), new Set(['lo']));
  const after = node.kernel.read(SCOPE);
  assert.equal(after.routes.size, 4);
  assert.equal(after.nexthops.size, 1);
  assert.ok(
    [...after.routes.values()].every(({ via }) => linksOf(via).includes(LINK)),
    JSON.stringify([...after.routes]),
  );
});
