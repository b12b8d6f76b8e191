// What net-conf.json says of the routes of a peer, done by a real BIRD: several next hops, which
// routes are taken by their communities and how many, paths with the own AS, and what is attached
// to what a router is told. The routers are BIRDs too, with files that are written by hand.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Bird, until } from './bird.ts';
import { confBy, heard, hopsOf, NODE_AS, netsOf, routerConf } from './configured.ts';
import { joinNode, Segment } from './segment.ts';

const TOR = { Name: 'tor', Address: '192.168.77.1', AS: 65_001 };
const SESSION = 'peer4_tor';
const at = (index: number): string => `10.244.${index}.0/24`;

const namesOf = (version: 4 | 6, host: number) => ({
  ...{ name: `r${host}v${version}`, as: 65_000 + host },
  session: `peer${version}_r${host}v${version}`,
});

describe('several next hops', () => {
  const ROUTERS = [1, 2, 3].flatMap((host) => [
    { address: `192.168.77.${host}`, lengthBits: 24, net: at(9), ...namesOf(4, host) },
    { address: `fd77::${host}`, lengthBits: 64, net: 'fd00:10:244:9::/64', ...namesOf(6, host) },
  ]);
  const confOf = (ECMPPaths: number): string =>
    confBy({
      ECMPPaths,
      Peers: ROUTERS.map(({ name, address, as }) => ({
        ...{ Name: name, Address: address, AS: as, AcceptPods: true },
      })),
    });

  test('a route has as many as ECMPPaths says, and one by default', async () => {
    using segment = new Segment();
    const node = joinNode(segment, 1);
    await using routers = new AsyncDisposableStack();
    for (const { name, address, lengthBits, as, net } of ROUTERS) {
      const { name: netns } = segment.join(name, [`${address}/${lengthBits}`]);
      routers.use(new Bird(netns, routerConf({ address, as, routes: [[net]] })));
    }
    await using bird = new Bird(node.name, confOf(1));
    await until('all have told it', () => ROUTERS.every(({ session }) => heard(bird, session) > 0));
    const counts = (): string => {
      const hops = hopsOf(node);
      return ROUTERS.slice(0, 2)
        .map(({ net }) => new Set(hops.get(net)).size)
        .join();
    };
    await until('one each', () => counts() === '1,1');
    for (const count of [3, 2, 1]) {
      assert.match(bird.configure(confOf(count)), /Reconfigured|in progress/);
      await until(`${count} each`, () => counts() === `${count},${count}`);
    }
  });
});

test('communities say what is taken, and are attached to what is told', async () => {
  using segment = new Segment();
  const node = joinNode(segment, 1);
  const router = segment.join('tor', [`${TOR.Address}/24`]);
  const add = (...all: readonly string[]): string =>
    all.map((each) => `bgp_community.add((${each}));`).join(' ');
  const conf = routerConf({
    address: TOR.Address,
    routes: [
      ['172.20.1.0/24', add('65001, 100')],
      ['172.20.2.0/24', 'bgp_large_community.add((65001, 1, 2));'],
      ['172.20.3.0/24', add('65001, 200')],
      ['172.20.4.0/24'],
      ['172.20.5.0/24', add('65001, 100', '65001, 666')],
      // Two rules of one have to match here, and only one does.
      ['172.21.6.0/24', add('65001, 300')],
      ['172.20.7.0/24', add('65001, 300')],
    ],
  });
  const bgp = {
    Communities: ['64512:100', '64512:1:2'],
    ServiceRanges: { ClusterIP: ['10.96.0.0/12'] },
    Peers: [
      {
        ...TOR,
        Communities: ['64512:200'],
        ImportFilter: [
          { Action: 'reject', Communities: ['65001:666'] },
          { Action: 'accept', Communities: ['65001:100', '65001:1:2'] },
          {
            ...{ Action: 'accept', Prefix: '172.20.0.0/16', MaxLength: 24 },
            Communities: ['65001:300'],
          },
        ],
      },
    ],
  };
  await using bird = new Bird(node.name, confBy(bgp));
  await using tor = new Bird(router.name, conf);
  await until('all is heard', () => heard(bird, SESSION) >= 7);
  await until('it is in the kernel', () => hopsOf(node).size >= 3);
  assert.equal(netsOf(node), '172.20.1.0/24,172.20.2.0/24,172.20.7.0/24');
  for (const net of [at(1), '10.96.0.0/12']) {
    const said = (): string => tor.ask(`show route ${net} all`);
    await until(`the router has ${net}`, () => said().includes('BGP.next_hop'));
    assert.match(said(), /BGP\.community: \(64512,100\) \(64512,200\)\n/, net);
    assert.match(said(), /BGP\.large_community: \(64512, 1, 2\)\n/, net);
  }
});

test('ImportLimit: further routes are not taken, and the session stays', async () => {
  using segment = new Segment();
  const node = joinNode(segment, 1);
  const router = segment.join('tor', [`${TOR.Address}/24`]);
  const confOf = (ImportLimit: number): string =>
    confBy({ Peers: [{ ...TOR, AcceptPods: true, ImportLimit }] });
  const torConf = (indexes: readonly number[]): string =>
    routerConf({ address: TOR.Address, routes: indexes.map((index) => [at(index)]) });
  await using bird = new Bird(node.name, confOf(3));
  await using tor = new Bird(router.name, torConf([5, 6]));
  await until('both are there', () => netsOf(node) === [at(5), at(6)].join());
  const since = (): string =>
    /^peer4_tor .*Established/m.exec(bird.ask('show protocols'))?.[0] ?? 'no session';
  const before = since();
  assert.match(tor.configure(torConf([5, 6, 7, 8, 9])), /Reconfigured|in progress/);
  await until('all are heard', () => heard(bird, SESSION) >= 5);
  await until('a third is there', () => hopsOf(node).size === 3);
  assert.match(bird.ask(`show protocols all ${SESSION}`), /Import limit: +3 \[HIT\]/);
  const nets = netsOf(node).split(',');
  assert.deepEqual([nets.includes(at(5)), nets.includes(at(6))], [true, true], nets.join());
  assert.equal(since(), before);
  assert.match(bird.configure(confOf(5)), /Reconfigured|in progress/);
  await until('those that it had not taken', () => hopsOf(node).size === 5);
});

test('AllowLocalAS: so often the own AS may be in the path', async () => {
  using segment = new Segment();
  const node = joinNode(segment, 1);
  const router = segment.join('tor', [`${TOR.Address}/24`]);
  const own = `bgp_path.prepend(${NODE_AS});`;
  const routes = [[at(7)], [at(8), own], [at(9), `${own} ${own}`]] as const;
  await using _tor = new Bird(router.name, routerConf({ address: TOR.Address, routes }));
  for (const AllowLocalAS of [0, 1, 2]) {
    const peer = { ...TOR, AcceptPods: true, AllowLocalAS };
    await using bird = new Bird(node.name, confBy({ Peers: [peer] }));
    await until('all is heard', () => heard(bird, SESSION) >= routes.length);
    const expected = routes.slice(0, AllowLocalAS + 1).map(([net]) => net);
    await until('the routes are there', () => hopsOf(node).size >= expected.length);
    assert.equal(netsOf(node), expected.join(), `AllowLocalAS ${AllowLocalAS}`);
  }
});
