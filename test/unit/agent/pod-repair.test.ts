// Which pods are made again and how often that is tried, on a machine in memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fights } from '../../../src/agent/fights.ts';
import { PodRepair } from '../../../src/agent/pod-repair.ts';
import { Pods } from '../../../src/agent/pods.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import { EMPTY_STATE } from '../../../src/state/kernel-state.ts';
import { settle } from '../../fake/clock.ts';
import { FakeCniNode } from '../../fake/cni-node.ts';
import { FakeKernel } from '../../fake/kernel.ts';

const SUBNETS = ['10.244.1.0/24', 'fd00:10:244:1::/64'] as Cidr[];

class Scene implements AsyncDisposable {
  readonly node = new FakeCniNode();
  readonly fights = new Fights(this.node.clock);
  /** What the path of the pod's namespace leads to. */
  inode: number | undefined = 7;
  tries = 0;
  readonly pods = new Pods(this.node.store, () => this.inode);
  readonly #stop = new AbortController();
  readonly #repair = new PodRepair({
    pods: this.pods,
    remake: (request) => {
      this.tries += 1;
      return this.node.service.remake(request);
    },
    ...{ fights: this.fights, clock: this.node.clock, log: silentLog },
  });
  readonly #running = this.#repair.run(() => this.pass(), this.#stop.signal);

  async add(): Promise<string> {
    assert.equal((await this.node.call('ADD')).exitCode, 0);
    return this.node.store.attachments()[0]?.hostLink ?? assert.fail();
  }

  deleteLink(name: string): void {
    const value = this.node.host.namespace.links.get(name) ?? assert.fail(`no link ${name}`);
    assert.deepEqual(this.node.host.touch([{ verb: 'remove', object: 'link', value }]), []);
  }

  has(name: string): boolean {
    return this.node.host.namespace.links.has(name);
  }

  /** What the agent's loop does of it. */
  pass(): void {
    this.pods.standing({ ...EMPTY_STATE, links: this.node.host.namespace.links });
    this.#repair.look(SUBNETS);
    this.fights.look();
  }

  async advance(byMs: number): Promise<void> {
    await this.node.clock.advance(byMs);
    for (let turn = 0; turn < 5; turn += 1) await settle();
  }

  async passWhenDue(durationMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 500) {
      if (this.fights.dueAfterMs === 0) this.pass();
      await this.advance(500);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

test('a pod whose host veth is gone is named, made again, and named no more', async () => {
  await using scene = new Scene();
  const link = await scene.add();
  scene.deleteLink(link);
  scene.pass();
  assert.match(
    scene.pods.broken.join(),
    /^container c1 \(eth0, .*\): its host veth poplin\w+ is gone$/,
  );
  await scene.advance(20);
  assert.ok(scene.has(link));
  assert.deepEqual(scene.pods.broken, []);
  assert.equal(scene.tries, 1);
});

test('a pod whose namespace is gone, or is another, is named and never tried', async () => {
  for (const [inode, says] of [
    [undefined, /its network namespace \/run\/netns\/pod is gone$/],
    [99, /\/run\/netns\/pod is another network namespace than its own$/],
  ] as const) {
    await using scene = new Scene();
    scene.deleteLink(await scene.add());
    scene.inode = inode;
    for (let count = 0; count < 20; count += 1) {
      scene.pass();
      await scene.advance(30_000);
    }
    assert.match(scene.pods.broken.join(), says);
    assert.equal(scene.tries, 0);
  }
});

test('a namespace with the number of one that is gone is not touched, and tried once', async () => {
  await using scene = new Scene();
  await scene.add();
  const { machine, pod } = scene.node;
  machine.remove(pod);
  scene.node.podKernel = new FakeKernel(machine.namespace(pod));
  for (let count = 0; count < 20; count += 1) {
    scene.pass();
    await scene.advance(30_000);
  }
  assert.match(scene.pods.broken.join(), /netns\/pod is another network namespace than its own$/);
  assert.equal(scene.tries, 1);
  assert.equal(scene.node.podKernel.namespace.links.size, 1);
});

test('what cannot be made is tried with growing pauses, and says why', async () => {
  await using scene = new Scene();
  const link = await scene.add();
  scene.deleteLink(link);
  const { links } = scene.node.podKernel.namespace;
  const lo = links.get('lo') ?? assert.fail();
  links.set('eth0', { ...lo, name: 'eth0' });
  scene.pass();
  await scene.advance(300_000);
  assert.ok(scene.tries >= 10 && scene.tries <= 20, `${scene.tries} tries`);
  assert.match(scene.pods.broken.join(), /is gone and cannot be made again: .*EEXIST/);
  assert.equal(scene.fights.count, 0);
  links.delete('eth0');
  await scene.advance(30_000);
  assert.ok(scene.has(link));
  assert.deepEqual(scene.pods.broken, []);
});

test('a pod that is going is not made again', async () => {
  await using scene = new Scene();
  scene.deleteLink(await scene.add());
  const [attachment = assert.fail()] = scene.node.store.attachments();
  scene.node.store.leave(attachment.hostLink);
  scene.pass();
  await scene.advance(60_000);
  assert.equal(scene.tries, 0);
  assert.deepEqual(scene.pods.broken, []);
});

test('a link that somebody deletes again and again is a fight, and is back when he stops', async () => {
  await using scene = new Scene();
  const link = await scene.add();
  for (let passedMs = 0; passedMs < 40_000; passedMs += 20) {
    if (scene.has(link)) scene.deleteLink(link);
    scene.pass();
    await scene.advance(20);
  }
  assert.ok(scene.tries >= 21 && scene.tries <= 27, `${scene.tries} tries`);
  assert.deepEqual(scene.fights.names, [`link ${link}: somebody undoes each repair`]);
  // It waits for half a minute, in which nothing is told: passes come when something is due.
  await scene.passWhenDue(15_000);
  assert.equal(scene.has(link), false);
  assert.equal(scene.fights.count, 1);
  await scene.passWhenDue(30_000);
  assert.ok(scene.has(link));
  assert.equal(scene.fights.count, 0);
});

test('what a process that died has half made is made anew, and left alone until then', async () => {
  await using scene = new Scene();
  const link = await scene.add();
  const half = scene.node.host.namespace.links.get(link) ?? assert.fail();
  scene.node.host.namespace.links.set(link, { ...half, alias: 'Poplin is making this again' });
  assert.deepEqual(
    scene.pods.standing({ ...EMPTY_STATE, links: scene.node.host.namespace.links }),
    [],
  );
  assert.ok(scene.pods.pendingLinks().has(link));
  scene.pass();
  await scene.advance(20);
  assert.equal(scene.node.host.namespace.links.get(link)?.alias, 'c1');
  assert.equal(scene.pods.pendingLinks().has(link), false);
});
