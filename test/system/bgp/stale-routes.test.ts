// A reflector that tells a router of another node's subnet, while the BIRD of that node is away: it
// keeps the route as a long-lived stale one, which BIRD would withdraw from a router that does not
// know of them. The router must not notice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderBird } from '../../../src/bgp/render.ts';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import { addressesOf, bgpSettings, speakerInput, speakerNode, subnetsOf } from '../../fake/bgp.ts';
import { Bird, until } from './bird.ts';
import { joinNode, Segment } from './segment.ts';

const SUBNET = '10.244.2.0/24';

/** The router has sessions with node-1 alone, which is the reflector. */
const SETTINGS = bgpSettings({
  RouteReflectors: { NodeNames: ['node-1'] },
  Peers: [{ Address: '192.168.77.1', AS: 65001, NodeNames: ['node-1'] }],
});

function confOf(number: 1 | 2): string {
  const addresses = addressesOf(number).map((address) => ({
    ...{ link: 'eth0', address },
    lengthBits: address.includes(':') ? 64 : 24,
  }));
  const input = speakerInput(SETTINGS, 1, {
    self: { name: `node-${number}`, labels: {}, subnets: subnetsOf(number) },
    ...{ underlays: addresses, addresses },
    nodes: [speakerNode(3 - number)],
  });
  return renderBird(speakerOf(input), new Map());
}

const ROUTER_CONF = `router id 192.168.77.1;
protocol device {}
protocol bgp reflector { local 192.168.77.1 as 65001; neighbor 192.168.77.11 as 64512;
  connect delay time 1; long lived graceful restart off;
  ipv4 { import all; export none; }; }`;

test('a router keeps the routes of a node whose BIRD is away', async () => {
  using segment = new Segment();
  const [one, two] = [joinNode(segment, 1), joinNode(segment, 2)];
  const router = segment.join('tor', ['192.168.77.1/24']);
  await using reflector = new Bird(one.name, confOf(1));
  await using tor = new Bird(router.name, ROUTER_CONF);
  const routeAt = (bird: Bird): string => bird.ask(`show route ${SUBNET} all`);
  const imported = (what: 'updates' | 'withdraws'): number => {
    const said = tor.ask('show protocols all reflector');
    return Number(new RegExp(`Import ${what}: +(\\d+)`).exec(said)?.[1]);
  };
  {
    await using _client = new Bird(two.name, confOf(2));
    await until('the router has it', () => routeAt(tor).includes('BGP.as_path: 64512'));
  }
  await until('it is stale', () => routeAt(reflector).includes('(65535,6)'));
  // What the reflector says next comes after whatever it had to say of this.
  const updates = imported('updates');
  tor.ask('reload in reflector');
  await until('both routes were said again', () => imported('updates') >= updates + 2);
  assert.equal(imported('withdraws'), 0);
  assert.match(routeAt(tor), /BGP.as_path: 64512/);
  assert.doesNotMatch(routeAt(tor), /65535,6/);
});
