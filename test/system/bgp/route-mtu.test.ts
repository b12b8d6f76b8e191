// What a peer takes bounds BIRD's routes in a real kernel: in what BIRD starts by, and when it
// comes or goes while BIRD runs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderBird } from '../../../src/bgp/render.ts';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import type { SpeakerNode } from '../../../src/bgp/speaker-types.ts';
import { bgpSettings, speakerInput, speakerNode } from '../../fake/bgp.ts';
import { TestNamespace } from '../namespaces.ts';
import { Bird, until } from './bird.ts';

/** `peer` is what node-1 knows of it. */
const confOf = (number: number, peer: SpeakerNode): string => {
  const { name, subnets, addresses } = speakerNode(number);
  const local = addresses.map((address) => ({
    ...{ link: 'eth0', address },
    lengthBits: address.includes(':') ? 64 : 24,
  }));
  const self = { name, labels: {}, subnets };
  const own = { self, underlays: local, addresses: local };
  return renderBird(
    speakerOf(speakerInput(bgpSettings({}), 1, { ...own, nodes: [peer] })),
    new Map(),
  );
};

const SMALL = { ipv4: 1400, ipv6: 1380 } as const;
const mtusOf = (node: TestNamespace): readonly string[] =>
  ['-4', '-6'].map((family) => {
    const text = node.run(`ip ${family} route show proto bird`).trim();
    return text === '' ? 'no route' : (/\bmtu (\d+)/.exec(text)?.[1] ?? 'as the link');
  });

test('BIRD bounds its routes to a node that takes less, also later', async () => {
  using one = new TestNamespace('bgw-n1');
  using two = new TestNamespace('bgw-n2');
  one.run(`ip link add eth0 type veth peer name eth0 netns ${two.name}`);
  for (const [index, node] of [one, two].entries()) {
    const { addresses, subnets } = speakerNode(index + 1);
    node.run('ip link set lo up');
    node.run('ip link set eth0 up');
    node.run(`ip addr add ${addresses[0]}/24 dev eth0`);
    node.run(`ip addr add ${addresses[1]}/64 dev eth0 nodad`);
    for (const subnet of subnets) node.run(`ip addr add ${subnet.split('/')[0]} dev lo`);
  }
  const confWith = (small: SpeakerNode['smallMtuBytes']): string =>
    confOf(1, speakerNode(2, small === undefined ? {} : { smallMtuBytes: small }));
  await using bird = new Bird(one.name, confWith(SMALL));
  await using _other = new Bird(two.name, confOf(2, speakerNode(1)));
  const isBy = (expected: readonly string[]): Promise<void> =>
    until(`the MTUs are ${expected.join(' and ')}`, () => mtusOf(one).join() === expected.join());
  await isBy(['1400', '1380']);
  for (const [small, expected] of [
    [undefined, ['as the link', 'as the link']],
    [{ ipv4: 1300 }, ['1300', 'as the link']],
  ] as const) {
    assert.match(bird.configure(confWith(small)), /Reconfigured|in progress/);
    await isBy(expected);
  }
  assert.deepEqual(mtusOf(two), ['as the link', 'as the link']);
});
