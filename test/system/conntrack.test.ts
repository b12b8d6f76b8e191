// What the kernel is made to forget of connections that it really tracks, and what it keeps. Needs
// root.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { StaleConnections } from '../../src/kernel/kernel.ts';
import type { Ip } from '../../src/net/ip.ts';
import { kernelOf, TestNamespace } from './namespaces.ts';

const ip = (text: string): Ip => text as Ip;

/** The pod and a client of the node are addresses of a link that leads nowhere. */
const SETUP = `
ip link set lo up
ip link add away type veth peer name far
ip link set far up
ip link set away up
ip address add 192.0.2.1/24 dev away
ip address add 2001:db8::1/64 dev away nodad
nft -f - <<END
table inet test {
  chain output {
    type nat hook output priority -100
    ct state new counter
    ip daddr 192.0.2.1 udp dport 8053 dnat ip to 192.0.2.50:53
  }
}
END
`;

/** `PORT ADDRESS PORT` of what is sent, by a shell that has no UDP tool but bash's. */
const SENT = [
  ['192.0.2.1', 8053], // led to the pod 192.0.2.50
  ['192.0.2.1', 9053], // to the node itself
  ['192.0.2.77', 9053], // passes through
  ['192.0.2.50', 99], // to the pod directly
  ['2001:db8::1', 9053], // to the node itself
  ['2001:db8::50', 53], // to the pod directly
] as const;

class World implements Disposable {
  readonly namespace = new TestNamespace('conntrack');
  readonly kernel = kernelOf(this.namespace);

  constructor() {
    try {
      this.run(SETUP);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
    this.kernel.read({
      ...{ sysctls: [], routeProtocol: 113, rulePriority: 113, nft: false },
      ownsLink: () => false,
    });
    for (const [address, port] of SENT) this.send(address, port);
  }

  send(address: string, port: number): void {
    this.run(`bash -c 'echo x > /dev/udp/${address}/${port}'`);
  }

  run(script: string): string {
    const argv = ['netns', 'exec', this.namespace.name, 'sh', '-ec', script];
    return execFileSync('ip', argv, { encoding: 'utf8' });
  }

  /** How many connections an address still answers; they are forgotten by that. */
  async stillHas(counts: Readonly<Record<string, number>>): Promise<void> {
    const found: Record<string, number> = {};
    for (const address of Object.keys(counts)) {
      found[address] = await this.forget({ kind: 'answered-by', address: ip(address) });
    }
    assert.deepEqual(found, counts);
  }

  forget(...stale: readonly StaleConnections[]): Promise<number> {
    return this.kernel.forgetConnections(stale);
  }

  [Symbol.dispose](): void {
    this.kernel.close();
    this.namespace[Symbol.dispose]();
  }
}

const isFree = (): boolean => true;

describe('connections', () => {
  test('that lead from a port of the node to another pod, or to the node, are forgotten', async () => {
    using world = new World();
    const toPod = { kind: 'sent-to-port', leadsTo: ip('192.0.2.50') } as const;
    assert.equal(await world.forget({ ...toPod, port: 8053 }), 0, 'it leads there already');
    assert.equal(await world.forget({ ...toPod, port: 8053, leadsTo: ip('192.0.2.51') }), 1);
    assert.equal(await world.forget({ ...toPod, port: 9053, hostIp: ip('192.0.2.2') }), 0);
    assert.equal(await world.forget({ ...toPod, port: 9053 }), 1, 'what passes through stays');
    assert.equal(await world.forget({ ...toPod, port: 9053 }), 0);
    const toPod6 = { kind: 'sent-to-port', leadsTo: ip('2001:db8::51') } as const;
    assert.equal(await world.forget({ ...toPod6, port: 9053, hostIp: ip('2001:db8::1') }), 1);
    await world.stillHas({ '192.0.2.50': 1, '192.0.2.77': 1, '2001:db8::50': 1 });
  });

  test('that a pod answers are forgotten, whatever address they were sent to', async () => {
    using world = new World();
    assert.equal(await world.forget({ kind: 'answered-by', address: ip('192.0.2.50') }), 2);
    assert.equal(await world.forget({ kind: 'answered-by', address: ip('2001:db8::50') }), 1);
    await world.stillHas({ '192.0.2.50': 0, '192.0.2.77': 1, '2001:db8::50': 0 });
  });

  test('of an address are forgotten unless somebody has it again', async () => {
    using world = new World();
    const all = ['192.0.2.50', '2001:db8::50', '192.0.2.77'].map(ip);
    const stale = all.map((address) => ({
      ...{ kind: 'of-address' as const, address },
      isFree: () => address !== '192.0.2.77',
    }));
    assert.equal(await world.forget(...stale), 3);
    await world.stillHas({ '192.0.2.50': 0, '2001:db8::50': 0 });
    assert.equal(await world.forget({ kind: 'of-address', address: ip('192.0.2.77'), isFree }), 1);
    const own = await world.forget({ kind: 'of-address', address: ip('192.0.2.1'), isFree });
    assert.ok(own > 0, 'as a source');
  });

  test('are forgotten by as many as ask at once', async () => {
    using world = new World();
    for (let port = 1; port <= 20; port += 1) world.send('192.0.2.1', 20_000 + port);
    const ports = Array.from({ length: 20 }, (_, index) => 20_001 + index);
    await Promise.all(
      ports.map((port) => world.forget({ kind: 'sent-to-port', port, leadsTo: ip('192.0.2.50') })),
    );
    const leadsTo = ip('192.0.2.50');
    for (const port of ports) {
      assert.equal(await world.forget({ kind: 'sent-to-port', port, leadsTo }), 0);
    }
    await world.stillHas({ '192.0.2.50': 2, '192.0.2.77': 1, '2001:db8::50': 1 });
  });

  test('that nobody tracks are none', async () => {
    using namespace = new TestNamespace('untracked');
    const kernel = kernelOf(namespace);
    const stale = { kind: 'answered-by', address: ip('192.0.2.50') } as const;
    assert.equal(await kernel.forgetConnections([stale]), 0);
    assert.equal(await kernel.forgetConnections([]), 0);
    kernel.close();
  });

  test('are not looked for by a kernel that is closed, whoever still asks', async () => {
    using world = new World();
    world.kernel.close();
    const openFiles = readdirSync('/proc/self/fd').length;
    assert.equal(await world.forget({ kind: 'answered-by', address: ip('192.0.2.50') }), 0);
    assert.equal(readdirSync('/proc/self/fd').length, openFiles);
  });
});
