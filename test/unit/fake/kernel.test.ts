// The conformance suites on the fake kernel, and what only the fake can do: fail and crash on
// order.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kernelApply } from '../../conformance/kernel-apply.ts';
import { kernelBird } from '../../conformance/kernel-bird.ts';
import { kernelConsequences } from '../../conformance/kernel-consequences.ts';
import { kernelForeignLinks } from '../../conformance/kernel-foreign-links.ts';
import { kernelHints } from '../../conformance/kernel-hints.ts';
import { kernelLinks } from '../../conformance/kernel-links.ts';
import { kernelNft } from '../../conformance/kernel-nft.ts';
import { kernelObjects } from '../../conformance/kernel-objects.ts';
import { kernelRedirects } from '../../conformance/kernel-redirects.ts';
import { kernelRefusals } from '../../conformance/kernel-refusals.ts';
import type { KernelWorld } from '../../conformance/world.ts';
import { add, ip, mac, neighbour, remove, SCOPE, sysctl } from '../../conformance/world.ts';
import { FakeKernel, KernelCrash } from '../../fake/kernel.ts';
import { FakeMachine } from '../../fake/namespace.ts';

function openWorld(): KernelWorld & { readonly kernel: FakeKernel } {
  const machine = new FakeMachine();
  const kernel = new FakeKernel(machine.namespace('/run/netns/a'));
  return {
    kernel,
    otherKernel: new FakeKernel(machine.namespace('/run/netns/b')),
    otherNetns: '/run/netns/b',
    foreign: (op) => assert.deepEqual(kernel.touch([op]), []),
    answered: (link) => [...(kernel.namespace.proxies.get(link) ?? [])].sort(),
    [Symbol.dispose]: () => kernel.close(),
  };
}

describe('the fake kernel', () => {
  describe('objects', () => kernelObjects(openWorld));
  describe('lists of ops', () => kernelApply(openWorld));
  describe('consequences', () => kernelConsequences(openWorld));
  describe('routes of BIRD', () => kernelBird(openWorld));
  describe('refusals', () => kernelRefusals(openWorld));
  describe('links', () => kernelLinks(openWorld));
  describe('links of others', () => kernelForeignLinks(openWorld));
  describe('nftables', () => kernelNft(openWorld));
  describe('hints', () => kernelHints(openWorld));
  describe('redirections', () => kernelRedirects(openWorld));

  const neighbours = [1, 2, 3, 4].map((last) =>
    add(neighbour({ link: 'lo', address: ip(`10.0.0.${last}`), mac: mac(last) })),
  );
  const present = (kernel: FakeKernel): string[] => [
    ...kernel.read({ ...SCOPE, ownsLink: () => true }).neighbours.keys(),
  ];

  test('a fault hits the asked number of ops after the asked number passed', async () => {
    using world = openWorld();
    world.kernel.inject({ matches: (op) => op.verb === 'add', skip: 1, times: 2, effect: 'fail' });
    const failures = await world.kernel.apply([
      remove(sysctl('ipv4/ip_forward', '0')),
      ...neighbours,
    ]);
    assert.deepEqual(
      failures.map(({ op }) => op),
      [neighbours[1], neighbours[2]],
    );
    assert.deepEqual(present(world.kernel), ['lo 10.0.0.1', 'lo 10.0.0.4']);
  });

  for (const [effect, left] of [
    ['crash-before', ['lo 10.0.0.1']],
    ['crash-after', ['lo 10.0.0.1', 'lo 10.0.0.2']],
  ] as const) {
    test(`${effect}: what was done before stays for the next process`, async () => {
      using world = openWorld();
      world.kernel.inject({ skip: 1, effect });
      await assert.rejects(world.kernel.apply(neighbours), KernelCrash);
      assert.deepEqual(present(new FakeKernel(world.kernel.namespace)), left);
    });
  }
});
