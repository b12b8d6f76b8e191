// Which sessions a node has: from the settings, the live nodes and its own addresses.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import type { Session, Speaker, SpeakerInput } from '../../../src/bgp/speaker-types.ts';
import {
  addressesOf,
  bgpSettings,
  cidr,
  ip,
  NETWORKS,
  speakerInput,
  speakerNode,
  subnetsOf,
} from '../../fake/bgp.ts';

const IPV4_ONLY: Partial<SpeakerInput> = { networks: NETWORKS.slice(0, 1) };
const speaker = (bgp: object, count: number, more: Partial<SpeakerInput> = IPV4_ONLY): Speaker =>
  speakerOf(speakerInput(bgpSettings(bgp), count, more));

const summary = (sessions: readonly Session[]): readonly string[] =>
  sessions.map(({ name, role }) => `${name} ${role}`);

const session = (found: Speaker, name: string): Session =>
  found.sessions.find((each) => each.name === name) ?? assert.fail(`no session ${name}`);

const REFLECTED = { RouteReflectors: { NodeSelector: 'reflector' } };
const reflector = { labels: { reflector: '' } };
const selfWith = (labels: Record<string, string>) => ({
  self: { name: 'node-1', labels, subnets: subnetsOf(1) },
});
const TOR = { Address: '192.168.77.1', AS: 65001 };

describe('sessions with nodes', () => {
  test('a mesh has one for each node and family, over addresses of that family', () => {
    const { sessions } = speaker({}, 3, {});
    assert.deepEqual(summary(sessions), [
      ...['node4_node-2 mesh', 'node4_node-3 mesh', 'node6_node-2 mesh', 'node6_node-3 mesh'],
    ]);
    const addresses = sessions.map(({ local, remote }) => [local.address, remote.address]);
    assert.deepEqual(addresses, [
      ['192.168.77.11', '192.168.77.12'],
      ['192.168.77.11', '192.168.77.13'],
      ['fd77::b', 'fd77::c'],
      ['fd77::b', 'fd77::d'],
    ]);
  });

  test('do not depend on the order of the nodes', () => {
    const nodes = [2, 3, 4].map((number) => speakerNode(number));
    const there = speaker(REFLECTED, 1, { nodes });
    assert.deepEqual(there, speaker(REFLECTED, 1, { nodes: nodes.toReversed() }));
  });

  test('both ends agree on who connects, by number and not by text', () => {
    const ends: readonly (readonly [string, string])[] = [
      ['192.168.77.9', '192.168.77.11'],
      ['fd77::9', 'fd77::10'],
    ];
    for (const [low, high] of ends) {
      const passive = [low, high].map((own) => {
        const other = own === low ? high : low;
        const underlay = { link: 'eth0', address: ip(own), lengthBits: 24 };
        const node = speakerNode(2, { addresses: [ip(other)] });
        const more = { underlays: [underlay], addresses: [], nodes: [node] };
        return speaker({}, 1, more).sessions.map(({ isPassive }) => isPassive);
      });
      assert.deepEqual(passive, [[false], [true]]);
    }
  });

  test('with reflectors alone clients have no session with each other', () => {
    const nodes = [speakerNode(2, reflector), speakerNode(3), speakerNode(4, reflector)];
    const settings = { ...REFLECTED, FullMesh: false };
    const client = speaker(settings, 1, { ...IPV4_ONLY, nodes });
    assert.deepEqual(summary(client.sessions), [
      'node4_node-2 reflector',
      'node4_node-4 reflector',
    ]);
    assert.equal(client.isReflector, false);
    const one = speaker(settings, 1, { ...IPV4_ONLY, ...selfWith({ reflector: '' }), nodes });
    assert.deepEqual(summary(one.sessions), [
      ...['node4_node-2 reflector', 'node4_node-3 client', 'node4_node-4 reflector'],
    ]);
    assert.equal(one.isReflector, true);
  });

  test('with both a mesh and reflectors there is one session with each', () => {
    const nodes = [speakerNode(2, reflector), speakerNode(3)];
    const { sessions } = speaker(REFLECTED, 1, { ...IPV4_ONLY, nodes });
    assert.deepEqual(summary(sessions), ['node4_node-2 reflector', 'node4_node-3 mesh']);
  });

  test('the cluster id is the reflectors’ alone: others would refuse what they pass on', () => {
    const settings = { RouteReflectors: { NodeSelector: 'reflector', ClusterID: '10.0.0.1' } };
    assert.equal(speaker(settings, 1).clusterId, undefined);
    assert.equal(speaker(settings, 1, selfWith({ reflector: '' })).clusterId, '10.0.0.1');
  });

  test('a node brings exactly its own subnets, of the family', () => {
    const node = speakerNode(2, { subnets: [...subnetsOf(2), cidr('10.244.8.0/24')] });
    const found = speaker({}, 1, { nodes: [node] });
    assert.deepEqual(session(found, 'node4_node-2').imports, {
      ...{ kind: 'subnets', subnets: ['10.244.2.0/24', '10.244.8.0/24'] },
    });
    assert.deepEqual(session(found, 'node6_node-2').imports, {
      ...{ kind: 'subnets', subnets: ['fd00:10:244:2::/64'] },
    });
  });

  test('a family that is not served, or has no address here or there, has none', () => {
    assert.deepEqual(summary(speaker({}, 2, { networks: [] }).sessions), []);
    const noIpv6 = speaker({}, 2, {
      underlays: speakerInput(bgpSettings({}), 1).underlays.slice(0, 1),
    });
    assert.deepEqual(summary(noIpv6.sessions), ['node4_node-2 mesh']);
    assert.deepEqual(noIpv6.problems, [
      'no node is reached by BGP over IPv6: this node has no address of its own',
    ]);
    const nodes = [speakerNode(2, { addresses: addressesOf(2).slice(1) }), speakerNode(1)];
    assert.deepEqual(summary(speaker({}, 1, { nodes }).sessions), ['node6_node-2 mesh']);
  });

  test('nodes of another AS have one on the same network, and none across a router', () => {
    const settings = {
      NodeAS: [
        { NodeSelector: 'rack=r2', AS: 64602 },
        { NodeNames: ['node-4'], AS: 64603 },
      ],
    };
    const nodes = [
      speakerNode(2),
      speakerNode(3, { labels: { rack: 'r2' }, addresses: [ip('192.168.78.13')] }),
      speakerNode(4),
      speakerNode(5, { addresses: [ip('192.168.78.15')] }),
    ];
    const found = speaker(settings, 1, { ...IPV4_ONLY, nodes });
    assert.deepEqual(
      found.sessions.map(({ name, remote }) => `${name} ${remote.as}`),
      ['node4_node-2 64512', 'node4_node-4 64603', 'node4_node-5 64512'],
    );
    assert.deepEqual(
      speaker({ ...settings, ...REFLECTED, FullMesh: false }, 1, { nodes }).sessions,
      [],
    );
    assert.equal(speaker(settings, 1, selfWith({ rack: 'r2' })).as, 64602);
  });
});

describe('sessions with peers', () => {
  const peers = (...all: readonly object[]) => ({ Peers: all });

  test('are those of the settings that are for this node and a family that is served', () => {
    const settings = peers(
      { ...TOR, NodeSelector: 'rack=r1' },
      { ...TOR, Address: '192.168.77.2', NodeNames: ['node-1'] },
      { ...TOR, Address: '192.168.77.3', NodeNames: ['node-2'] },
      { ...TOR, Address: 'fd77::1' },
    );
    const here = speaker(settings, 1, { ...IPV4_ONLY, ...selfWith({ rack: 'r1' }) });
    assert.deepEqual(summary(here.sessions), [
      'peer4_192.168.77.1 peer',
      'peer4_192.168.77.2 peer',
    ]);
    assert.deepEqual(summary(speaker(settings, 1, selfWith({})).sessions), [
      ...['peer4_192.168.77.2 peer', 'peer6_fd77::1 peer'],
    ]);
    assert.deepEqual(here.problems, []);
  });

  test('start at the address on the peer’s network, whose link is named too', () => {
    const storage = { link: 'eth1', address: ip('10.9.0.11'), lengthBits: 24 };
    const base = speakerInput(bgpSettings({}), 1);
    const found = speaker(peers({ Address: '10.9.0.1', AS: 1 }, { ...TOR, Multihop: 2 }), 1, {
      ...{ ...IPV4_ONLY, addresses: [...base.addresses, storage] },
    });
    assert.equal(session(found, 'peer4_10.9.0.1').local.address, '10.9.0.11');
    assert.equal(session(found, 'peer4_192.168.77.1').local.address, '192.168.77.11');
    assert.deepEqual(found.links, ['eth0', 'eth1']);
  });

  const impossible: readonly [string, object, string][] = [
    [
      'a peer on another network',
      { Address: '10.9.0.1', AS: 1 },
      'peer 10.9.0.1: it is on no network of this node: set Multihop if routers are between',
    ],
    [
      'a source address that the node does not have',
      { ...TOR, Name: 'tor', NodeNames: ['node-1'], SourceAddress: '192.168.77.99' },
      'peer tor (192.168.77.1): SourceAddress 192.168.77.99 is no address of this node',
    ],
    [
      'the node itself',
      { ...TOR, Address: '192.168.77.11' },
      'peer 192.168.77.11: the address is one of this node',
    ],
    [
      'another node',
      { ...TOR, Address: '192.168.77.12' },
      'peer 192.168.77.12: it is node node-2, with which there is a session already',
    ],
  ];
  for (const [name, peer, problem] of impossible) {
    test(`${name} is a problem and no session`, () => {
      const found = speaker(peers(peer), 2);
      assert.deepEqual(summary(found.sessions), ['node4_node-2 mesh']);
      assert.deepEqual(found.problems, [problem]);
    });
  }

  test('of two peers of one address by labels the first one counts', () => {
    const settings = peers(
      { ...TOR, Name: 'a', NodeSelector: 'rack=r1' },
      { ...TOR, Name: 'b', NodeSelector: 'edge' },
    );
    const found = speaker(settings, 1, { ...IPV4_ONLY, ...selfWith({ rack: 'r1', edge: '' }) });
    assert.deepEqual(summary(found.sessions), ['peer4_a peer']);
    assert.deepEqual(found.problems, [
      'peer b (192.168.77.1): peer a has the same address and comes first',
    ]);
  });
});

describe('what a node says of itself', () => {
  test('the router id is the IPv4 address, else where its IPv6 subnet is in the network', () => {
    assert.equal(speaker({}, 1).routerId, '192.168.77.11');
    const ipv6 = (number: number): string =>
      speaker({}, 1, {
        networks: NETWORKS.slice(1),
        underlays: speakerInput(bgpSettings({}), 1).underlays.slice(1),
        self: { name: `node-${number}`, labels: {}, subnets: subnetsOf(number).slice(1) },
      }).routerId;
    assert.deepEqual([0, 1, 255].map(ipv6), ['0.0.0.1', '0.0.0.2', '0.0.1.0']);
  });

  test('what can be a subnet is a range while lengths are the same, and else each one', () => {
    const ranges = (more: Partial<SpeakerInput>) => speaker({}, 3, more).families[0]?.subnetRanges;
    const network = '10.244.0.0/16';
    assert.deepEqual(ranges({}), [{ network, lengthMinBits: 24, lengthMaxBits: 24 }]);
    const long = [cidr('10.244.3.0/26')];
    assert.deepEqual(ranges({ nodes: [speakerNode(3, { subnets: long })] }), [
      { network: '10.244.1.0/24', lengthMinBits: 24, lengthMaxBits: 24 },
      { network: '10.244.3.0/26', lengthMinBits: 26, lengthMaxBits: 26 },
    ]);
    const elsewhere = speakerNode(3, { subnets: [cidr('10.99.0.0/25')] });
    assert.deepEqual(ranges({ nodes: [elsewhere] }), ranges({}));
  });

  test('that a subnet’s own address has come is no news, since the subnet says it', () => {
    const { addresses } = speakerInput(bgpSettings({}), 1);
    const at = (link: string, address: string) => ({ link, address: ip(address), lengthBits: 32 });
    const inside = [at('lo', '10.244.1.0'), at('lo', 'fd00:10:244:1::')];
    const more = (further: typeof inside) => ({ addresses: [...addresses, ...further] });
    assert.deepEqual(speaker({}, 2, more(inside)), speaker({}, 2, more([])));
    const outside = speaker({}, 2, more([at('dummy0', '10.244.7.1')])).families[0]?.ownAddresses;
    assert.deepEqual(outside, ['10.244.7.1', '192.168.77.11']);
  });

  test('a link that BIRD cannot be told of is left out and named', () => {
    const base = speakerInput(bgpSettings({}), 1);
    const underlays = base.underlays.map((each) => ({ ...each, link: 'a"; #' }));
    const found = speaker({}, 1, { ...IPV4_ONLY, underlays });
    assert.deepEqual(found.links, []);
    assert.deepEqual(found.problems, ['the link "a\\"; #" has a name that BIRD cannot be told']);
  });
});
