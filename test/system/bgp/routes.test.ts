// Real BIRDs with rendered files: two nodes and a router of somebody else on one network. What
// nodes announce arrives in the kernel as the agent expects it, and what nobody may announce does
// not, from the router or from a node.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderBird } from '../../../src/bgp/render.ts';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import type { SpeakerInput } from '../../../src/bgp/speaker-types.ts';
import type { BgpSettings } from '../../../src/config/bgp-settings.ts';
import {
  addressesOf,
  bgpSettings,
  cidr,
  speakerInput,
  speakerNode,
  subnetsOf,
} from '../../fake/bgp.ts';
import type { TestNamespace } from '../namespaces.ts';
import { Bird, until } from './bird.ts';
import { joinNode, Segment } from './segment.ts';

const ROUTER = { ipv4: '192.168.77.1', ipv6: 'fd77::1' };
const NODES = [1, 2];

function inputOf(number: number, settings: BgpSettings): SpeakerInput {
  const addresses = addressesOf(number).map((address) => ({
    ...{ link: 'eth0', address },
    lengthBits: address.includes(':') ? 64 : 24,
  }));
  return speakerInput(settings, 1, {
    self: { name: `node-${number}`, labels: {}, subnets: subnetsOf(number) },
    ...{ underlays: addresses, addresses },
    nodes: NODES.filter((other) => other !== number).map((other) => speakerNode(other)),
  });
}

const confOf = (number: number, settings: BgpSettings): string =>
  renderBird(speakerOf(inputOf(number, settings)), new Map());

/** BIRD's routes in the main table, with what `ip` says of each. */
function kernelRoutes(node: TestNamespace): ReadonlyMap<string, string> {
  const text = ['-4', '-6']
    .map((family) => node.run(`ip ${family} route show proto bird`))
    .join('');
  const lines = text
    .trim()
    .split('\n')
    .filter((line) => line !== '');
  return new Map(lines.map((line) => [line.split(' ')[0] ?? '', line]));
}

/** A router that announces these to both nodes, in both families, whatever they are. */
function routerConf(routes: readonly string[], as = 65001): string {
  const statics = (['ipv4', 'ipv6'] as const).map(
    (family) =>
      `protocol static s_${family} { ${family}; ${routes
        .filter((route) => route.includes(':') === (family === 'ipv6'))
        .map((route) => `route ${route} blackhole;`)
        .join(' ')} }`,
  );
  const sessions = NODES.flatMap((number) =>
    addressesOf(number).map((address) => {
      const family = address.includes(':') ? 'ipv6' : 'ipv4';
      return `protocol bgp to_${number}_${family} { local ${ROUTER[family]} as ${as};
        neighbor ${address} as 64512; connect delay time 1; error wait time 1, 2;
        ${family} { import all; next hop self;
        export filter { if source = RTS_STATIC then { bgp_local_pref = 1000; accept; } reject; };
        }; }`;
    }),
  );
  return `router id ${ROUTER.ipv4}; protocol device {} ${[...statics, ...sessions].join('\n')}`;
}

/** Updates that the sessions of this name have received, accepted or not. */
function heard(bird: Bird, name: string): number {
  const sections = bird.ask('show protocols all').split('\n\n');
  const own = sections.filter((section) => section.startsWith(name));
  const counts = own.flatMap((section) => [...section.matchAll(/Import updates: +(\d+)/g)]);
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

const withRouter = (more: object = {}): BgpSettings =>
  bgpSettings({
    ServiceRanges: { ClusterIP: ['10.96.0.0/12', 'fd00:96::/112'] },
    Peers: Object.values(ROUTER).map((Address) => ({
      ...{ Address, AS: 65001, BFD: false, AcceptPods: true },
      ...(Address.includes(':') ? {} : more),
    })),
  });

/** Of another rack: a subnet that no node here has. */
const FAR = ['10.244.9.0/24', 'fd00:10:244:9::/64'];
const HARMFUL = [
  ...['0.0.0.0/0', '::/0'],
  // Hosts' addresses, services, parts of the nodes' network and of others.
  ...['192.168.77.11/32', '192.168.77.12/32', 'fd77::c/128', '192.168.77.0/25'],
  ...['10.96.0.0/12', '10.96.0.1/32', 'fd00:96::/112', '172.20.1.0/24'],
  // Pods of others: of node-1 and of node-2, whole or in part; and all at once.
  ...['10.244.1.0/24', '10.244.1.128/25', '10.244.1.7/32', 'fd00:10:244:1::/64'],
  ...['10.244.2.128/25', '10.244.2.7/32', 'fd00:10:244:2:8000::/65', '10.244.0.0/16'],
];

/** The prefixes that the sessions of this name have brought, accepted by their filters. */
function takenBy(bird: Bird, name: string): readonly string[] {
  const taken = bird.ask(`show route where proto ~ "${name}*"`);
  const nets = [...taken.matchAll(/^([\da-f.:]+\/\d+) /gm)].map(([, net = '']) => net);
  return [...new Set(nets)].sort();
}

describe('BIRD with rendered configurations', () => {
  test('has each other node’s subnets in the kernel, and what a router may bring', async () => {
    using segment = new Segment();
    const [one, two] = [joinNode(segment, 1), joinNode(segment, 2)];
    const router = segment.join('tor', [`${ROUTER.ipv4}/24`, `${ROUTER.ipv6}/64`]);
    const settings = withRouter();
    await using birdOne = new Bird(one.name, confOf(1, settings));
    await using birdTwo = new Bird(two.name, confOf(2, settings));
    // Both of node-2 and of node-1: what they say themselves counts.
    const announced = [...HARMFUL, ...FAR, ...subnetsOf(2)];
    await using tor = new Bird(router.name, routerConf(announced));
    await until('both have heard all', () =>
      [birdOne, birdTwo].every((bird) => heard(bird, 'peer') >= announced.length),
    );
    await until('node-2 has all routes', () => kernelRoutes(two).size === 4);
    await until('node-1 has all routes', () => kernelRoutes(one).size === 4);
    await until('the router has heard both', () =>
      [...subnetsOf(1), ...subnetsOf(2), '10.96.0.0/12'].every((subnet) =>
        tor.ask(`show route ${subnet} all`).includes('BGP.next_hop'),
      ),
    );
    assert.deepEqual([...kernelRoutes(one).keys()].sort(), [...FAR, ...subnetsOf(2)].sort());
    assert.deepEqual([...kernelRoutes(two).keys()].sort(), [...FAR, ...subnetsOf(1)].sort());
    // Not even BIRD keeps the others, so that no filter of its own has to be right twice.
    assert.deepEqual(takenBy(birdOne, 'peer'), [...FAR, ...subnetsOf(2)].sort());
    const routes = [...kernelRoutes(one).values()].map((line) => line.trim());
    for (const [line, next, source] of [
      ['10.244.2.0/24', '192.168.77.12', '10.244.1.0'],
      ['10.244.9.0/24', '192.168.77.1', '10.244.1.0'],
      ['fd00:10:244:2::/64', 'fd77::c', 'fd00:10:244:1::'],
      ['fd00:10:244:9::/64', 'fd77::1', 'fd00:10:244:1::'],
    ] as const) {
      const found = routes.find((route) => route.startsWith(`${line} `)) ?? '';
      assert.match(found, new RegExp(`via ${next} dev eth0 .*src ${source} .*metric 32`), line);
    }
    assert.match(tor.ask('show route 10.96.0.0/12 all'), /BGP.next_hop: 192.168.77.1[12]/);
    assert.doesNotMatch(birdOne.said + birdTwo.said, /runtime error|<ERR>|<BUG>/);
    // Neither passes on what the other or the router said.
    assert.doesNotMatch(tor.ask('show route 10.244.2.0/24 all'), /from 192.168.77.11/);
  });

  test('by itself a router brings no pods, neither those of a node nor of nobody', async () => {
    using segment = new Segment();
    // The BIRD of node-2 is away, so that nothing but the filter stands against the router.
    const one = joinNode(segment, 1);
    const router = segment.join('tor', [`${ROUTER.ipv4}/24`, `${ROUTER.ipv6}/64`]);
    const peers = (more: object) =>
      bgpSettings({
        Peers: Object.values(ROUTER).map((Address) => ({ Address, AS: 65001, ...more })),
      });
    await using bird = new Bird(one.name, confOf(1, peers({})));
    const claimed = [...FAR, ...subnetsOf(2)].sort();
    await using _tor = new Bird(router.name, routerConf([...HARMFUL, ...claimed]));
    const count = HARMFUL.length + claimed.length;
    await until('all is heard', () => heard(bird, 'peer') >= count);
    assert.deepEqual(takenBy(bird, 'peer'), []);
    assert.deepEqual([...kernelRoutes(one).keys()], []);
    assert.match(bird.configure(confOf(1, peers({ AcceptPods: true }))), /Reconfig|in progress/);
    await until('what it says is taken', () => kernelRoutes(one).size >= claimed.length);
    assert.deepEqual(takenBy(bird, 'peer'), claimed);
    assert.deepEqual([...kernelRoutes(one).keys()].sort(), claimed);
  });

  test('a router of the own AS does not win by its preference', async () => {
    using segment = new Segment();
    const [one, two] = [joinNode(segment, 1), joinNode(segment, 2)];
    const router = segment.join('tor', [`${ROUTER.ipv4}/24`, `${ROUTER.ipv6}/64`]);
    const Peers = Object.values(ROUTER).map((Address) => ({
      Address,
      AS: 64512,
      AcceptPods: true,
    }));
    const settings = bgpSettings({ Peers });
    await using birdOne = new Bird(one.name, confOf(1, settings));
    await using _two = new Bird(two.name, confOf(2, settings));
    await using _tor = new Bird(router.name, routerConf([...subnetsOf(2), ...FAR], 64512));
    await until('all is heard', () => heard(birdOne, 'peer') >= 4 && heard(birdOne, 'node') >= 2);
    await until('the routes are there', () => kernelRoutes(one).size === 4);
    assert.match(birdOne.ask('show route 10.244.2.0/24 all'), /BGP.local_pref: 199/);
    assert.match(kernelRoutes(one).get('10.244.2.0/24') ?? '', /via 192.168.77.12 /);
    assert.match(kernelRoutes(one).get('fd00:10:244:2::/64') ?? '', /via fd77::c /);
    assert.match(kernelRoutes(one).get('10.244.9.0/24') ?? '', /via 192.168.77.1 /);
  });

  test('takes from a router what a filter says, with its preference', async () => {
    using segment = new Segment();
    const one = joinNode(segment, 1);
    const router = segment.join('tor', [`${ROUTER.ipv4}/24`, `${ROUTER.ipv6}/64`]);
    const settings = withRouter({
      ImportFilter: [
        { Action: 'reject', Prefix: '10.244.9.0/24' },
        { Action: 'accept', Prefix: '172.20.0.0/16', MaxLength: 24, Preference: 250 },
        { Action: 'accept', Prefix: '0.0.0.0/0' },
      ],
    });
    const input = { ...inputOf(1, settings), nodes: [] };
    await using bird = new Bird(one.name, renderBird(speakerOf(input), new Map()));
    await using _tor = new Bird(router.name, routerConf([...HARMFUL, ...FAR]));
    const wanted = ['172.20.1.0/24', 'default', 'fd00:10:244:9::/64'].sort();
    await until('all is heard', () => heard(bird, 'peer') >= HARMFUL.length + FAR.length);
    await until('the routes are there', () => kernelRoutes(one).size >= wanted.length);
    assert.deepEqual([...kernelRoutes(one).keys()].sort(), wanted);
    assert.match(bird.ask('show route 172.20.1.0/24 all'), /BGP.local_pref: 250/);
    // The node's own address is only that of routes to pods.
    assert.doesNotMatch(kernelRoutes(one).get('172.20.1.0/24') ?? '', /src/);
  });

  test('takes from a node nothing but its own subnets', async () => {
    using segment = new Segment();
    const [one, two] = [joinNode(segment, 1), joinNode(segment, 2)];
    const settings = bgpSettings({});
    const liar = speakerOf(inputOf(2, settings));
    const families = liar.families.map((family) => ({
      ...family,
      ownSubnets: [
        ...family.ownSubnets,
        ...HARMFUL.filter((route) => route.includes(':') === (family.family === 'ipv6')).map(cidr),
        ...[cidr('10.244.3.0/24'), cidr('10.244.2.64/26')].slice(family.family === 'ipv6' ? 2 : 0),
      ],
    }));
    await using bird = new Bird(one.name, confOf(1, settings));
    await using _two = new Bird(two.name, renderBird({ ...liar, families }, new Map()));
    await until('all is heard', () => heard(bird, 'node') >= HARMFUL.length + 4);
    await until('the routes are there', () => kernelRoutes(one).size >= 2);
    assert.deepEqual([...kernelRoutes(one).keys()].sort(), [...subnetsOf(2)].sort());
  });

  test('becoming a reflector restarts no session, and passes on subnets alone', async () => {
    using segment = new Segment();
    const [one, two] = [joinNode(segment, 1), joinNode(segment, 2)];
    const three = joinNode(segment, 3);
    const members = [1, 2, 3];
    const input = (number: number, settings: BgpSettings): SpeakerInput => ({
      ...inputOf(number, settings),
      nodes: members.filter((other) => other !== number).map((other) => speakerNode(other)),
    });
    const conf = (number: number, settings: BgpSettings): string =>
      renderBird(speakerOf(input(number, settings)), new Map());
    const mesh = bgpSettings({});
    const both = bgpSettings({ RouteReflectors: { NodeNames: ['node-1'] } });
    const reflected = bgpSettings({
      ...{ FullMesh: false, RouteReflectors: { NodeNames: ['node-1'] } },
    });
    await using birdOne = new Bird(one.name, conf(1, mesh));
    await using birdTwo = new Bird(two.name, conf(2, mesh));
    await using birdThree = new Bird(three.name, conf(3, mesh));
    const birds = [birdOne, birdTwo, birdThree];
    await until('the mesh is up', () =>
      [one, two, three].every((node) => kernelRoutes(node).size === 4),
    );
    const since = (): string[] => birdOne.ask('show protocols').match(/^node.*Established/gm) ?? [];
    const before = since();
    assert.equal(before.length, 4);
    for (const settings of [both, reflected]) {
      for (const [index, bird] of birds.entries()) {
        assert.match(bird.configure(conf(index + 1, settings)), /Reconfigured|in progress/);
      }
    }
    await until(
      'node-3 has node-2 by the reflector alone',
      () =>
        /via 192.168.77.12 .*\[node4_node-1/.test(birdThree.ask('show route 10.244.2.0/24')) ||
        birdThree.ask('show route 10.244.2.0/24').includes('[node4_node-1'),
    );
    assert.deepEqual(since(), before);
    assert.match(kernelRoutes(three).get('10.244.2.0/24') ?? '', /via 192.168.77.12 /);
  });
});
