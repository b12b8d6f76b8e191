// What net-conf.json says of the session with a peer, done by a real BIRD: its password, how far
// away the peer may be, and from which address the node speaks. The routers are BIRDs too, with
// files that are written by hand. A session that must not come up is one whose packets the kernel
// has refused again and again, which its counters say.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readPasswords } from '../../../src/agent/bird-passwords.ts';
import { secretKeysOf } from '../../../src/bgp/passwords.ts';
import { renderBird } from '../../../src/bgp/render.ts';
import { cidrAddress } from '../../../src/net/cidr.ts';
import { ip, subnetsOf } from '../../fake/bgp.ts';
import { TestNamespace } from '../namespaces.ts';
import { Bird, until } from './bird.ts';
import {
  confBy,
  counted,
  heard,
  hopsOf,
  isRefused,
  netsOf,
  routerConf,
  speakerBy,
} from './configured.ts';
import { joinNode, Segment } from './segment.ts';

const TOR = { Name: 'tor', Address: '192.168.77.1', AS: 65_001 };
const SESSION = 'peer4_tor';
const PASSWORD = `it's $(safe); # \\ here`;

test('PasswordSecret: there is a session where both have the same password', async () => {
  using segment = new Segment();
  const node = joinNode(segment, 1);
  const router = segment.join('tor', [`${TOR.Address}/24`]);
  const speaker = speakerBy({
    Peers: [{ ...TOR, PasswordSecret: { Name: 'bgp-passwords', Key: 'tor' } }],
  });
  const directory = mkdtempSync(join(tmpdir(), 'poplin-passwords-'));
  try {
    mkdirSync(join(directory, 'bgp-passwords'));
    writeFileSync(join(directory, 'bgp-passwords', 'tor'), `${PASSWORD}\n`);
    const passwords = readPasswords(directory, secretKeysOf(speaker.sessions));
    const torConf = (password: string): string => {
      const session = `direct; ${password === '' ? '' : `password "${password}";`}`;
      return routerConf({ address: TOR.Address, session });
    };
    await using bird = new Bird(node.name, renderBird(speaker, passwords));
    await using tor = new Bird(router.name, torConf('another'));
    const ends = [[bird, SESSION] as const, [tor, 'node'] as const];
    const areUp = (): boolean => ends.every(([each, session]) => each.isEstablished(session));
    assert.ok(await isRefused(router, 'TcpExt TCPMD5Failure', ...ends));
    tor.configure(torConf(PASSWORD));
    await until('the session is up', areUp);
    tor.configure(torConf(''));
    assert.ok(await isRefused(node, 'TcpExt TCPMD5NotFound', ...ends));
    tor.configure(torConf(PASSWORD));
    await until('the session is up again', areUp);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('GTSM: there is a session where both say that they are next to each other', async () => {
  using segment = new Segment();
  const node = joinNode(segment, 1);
  const router = segment.join('tor', [`${TOR.Address}/24`]);
  // Each time from the start: of two that disagree, one may believe in a session for a while, by
  // what came before the kernel was told.
  const between = async (
    GTSM: boolean,
    security: 'on' | 'off',
    look: (bird: Bird, tor: Bird) => Promise<void>,
  ): Promise<void> => {
    const session = `direct; ttl security ${security};`;
    await using bird = new Bird(node.name, confBy({ Peers: [{ ...TOR, GTSM }] }));
    await using tor = new Bird(router.name, routerConf({ address: TOR.Address, session }));
    await look(bird, tor);
  };
  await between(true, 'off', async (bird) => {
    assert.ok(await isRefused(node, 'TcpExt TCPMinTTLDrop', [bird, SESSION]));
  });
  await between(false, 'on', async (bird, tor) => {
    assert.ok(await isRefused(router, 'TcpExt TCPMinTTLDrop', [tor, 'node']));
    assert.equal(bird.isEstablished(SESSION) && tor.isEstablished('node'), false);
  });
  await between(true, 'on', (bird, tor) =>
    until('the session is up', () => bird.isEstablished(SESSION) && tor.isEstablished('node')),
  );
});

test('SourceAddress: the session comes from that address', async () => {
  using segment = new Segment();
  const node = joinNode(segment, 1);
  const router = segment.join('tor', [`${TOR.Address}/24`]);
  const SourceAddress = '192.168.77.111';
  node.run(`ip addr add ${SourceAddress}/24 dev eth0`);
  const further = [{ link: 'eth0', address: ip(SourceAddress), lengthBits: 24 }];
  const confOf = (more: object): string =>
    renderBird(speakerBy({ Peers: [{ ...TOR, ...more }] }, further), new Map());
  // It takes whoever comes, and says who it was.
  const conf = routerConf({
    ...{ address: TOR.Address, neighbour: 'range 192.168.77.0/24' },
    session: 'direct; passive; strict bind; dynamic name "from";',
  });
  await using tor = new Bird(router.name, conf);
  const comers = (): string => {
    const sections = tor.ask('show protocols all').split('\n\n');
    return sections
      .filter((section) => section.startsWith('from') && section.includes('Established'))
      .map((section) => /Neighbor address: +(\S+)/.exec(section)?.[1] ?? 'nobody')
      .join();
  };
  await using bird = new Bird(node.name, confOf({ SourceAddress, NodeNames: ['node-1'] }));
  await until('a session comes from there', () => comers() === SourceAddress);
  assert.match(bird.configure(confOf({})), /Reconfigured|in progress/);
  await until('one comes from the usual address', () => comers() === '192.168.77.11');
});

/** node-1 – the first router – the near peer, a router too – the far peer. */
class Chain implements Disposable {
  readonly node = new TestNamespace('bgh-n1');
  readonly #first = new TestNamespace('bgh-r1');
  readonly near = new TestNamespace('bgh-r2');
  readonly far = new TestNamespace('bgh-r3');

  constructor() {
    const link = (left: TestNamespace, right: TestNamespace, third: number): void => {
      const [there, back] = [left === this.node ? 'eth0' : `to${third}`, `from${third}`];
      left.run(`ip link add ${there} type veth peer name ${back} netns ${right.name}`);
      left.run(`ip addr add 192.168.${third}.11/24 dev ${there}`);
      right.run(`ip addr add 192.168.${third}.1/24 dev ${back}`);
      left.run(`ip link set ${there} up`);
      right.run(`ip link set ${back} up`);
    };
    for (const each of [this.node, this.#first, this.near, this.far]) {
      each.run('ip link set lo up');
      each.run('sysctl -qw net.ipv4.ip_forward=1');
    }
    link(this.node, this.#first, 77);
    link(this.#first, this.near, 78);
    link(this.near, this.far, 79);
    for (const subnet of subnetsOf(1)) this.node.run(`ip addr add ${cidrAddress(subnet)} dev lo`);
    this.node.run('ip route add 192.168.78.0/23 via 192.168.77.1');
    this.#first.run('ip route add 192.168.79.0/24 via 192.168.78.1');
    this.near.run('ip route add 192.168.77.0/24 via 192.168.78.11');
    this.far.run('ip route add 192.168.76.0/22 via 192.168.79.11');
  }

  [Symbol.dispose](): void {
    for (const each of [this.far, this.near, this.#first, this.node]) each[Symbol.dispose]();
  }
}

const NEAR = { Name: 'near', Address: '192.168.78.1', AS: 65_001 };
const FAR = { Name: 'far', Address: '192.168.79.1', AS: 65_002 };

test('Multihop: a peer may be so many hops away, also by GTSM', async () => {
  using chain = new Chain();
  const confOf = (far: object): string =>
    confBy({
      Peers: [
        { ...NEAR, Multihop: 2 },
        { ...FAR, ...far },
      ],
    });
  await using bird = new Bird(chain.node.name, confOf({ Multihop: 2 }));
  // It connects to nobody, so that what the node sends alone counts, and its packets get anywhere.
  const session = 'multihop 255; passive;';
  await using _near = new Bird(chain.near.name, routerConf({ address: NEAR.Address, session }));
  await using _far = new Bird(
    chain.far.name,
    routerConf({ address: FAR.Address, as: FAR.AS, session }),
  );
  await until('the near peer', () => bird.isEstablished('peer4_near'));
  assert.ok(await isRefused(chain.near, 'Icmp OutTimeExcds', [bird, 'peer4_far']));
  bird.configure(confOf({ Multihop: 3 }));
  await until('the far peer', () => bird.isEstablished('peer4_far'));
  // Its packets come with 253, one hop too many.
  bird.configure(confOf({ Multihop: 2, GTSM: true }));
  assert.ok(await isRefused(chain.node, 'TcpExt TCPMinTTLDrop', [bird, 'peer4_far']));
  const excess = counted(chain.near, 'Icmp OutTimeExcds');
  bird.configure(confOf({ Multihop: 3, GTSM: true }));
  await until('the far peer by GTSM', () => bird.isEstablished('peer4_far'));
  assert.equal(counted(chain.near, 'Icmp OutTimeExcds'), excess);
  assert.ok(bird.isEstablished('peer4_near'));
});

test('without Multihop there is no session across a router, and the reason is said', async () => {
  using chain = new Chain();
  const speaker = speakerBy({ Peers: [NEAR] });
  assert.deepEqual(speaker.problems, [
    'peer near (192.168.78.1): it is on no network of this node: set Multihop if routers are between',
  ]);
  const near = routerConf({ address: NEAR.Address, session: 'multihop 255;' });
  await using bird = new Bird(chain.node.name, renderBird(speaker, new Map()));
  await using tor = new Bird(chain.near.name, near);
  await until('the peer tries in vain', () => /closed|refused/i.test(tor.ask('show protocols')));
  assert.ok(!tor.isEstablished('node'));
  assert.doesNotMatch(bird.ask('show protocols'), /peer4/);
});

test('of a peer behind a router those routes are taken that lead over the node’s network', async () => {
  using chain = new Chain();
  const peer = { ...NEAR, Multihop: 2, AcceptPods: true };
  const routes = [['10.244.8.0/24'], ['10.244.9.0/24', 'bgp_next_hop = 192.168.77.1;']] as const;
  const near = routerConf({ address: NEAR.Address, session: 'multihop 2;', routes });
  await using bird = new Bird(chain.node.name, confBy({ Peers: [peer] }));
  await using _near = new Bird(chain.near.name, near);
  await until('all is heard', () => heard(bird, 'peer4_near') >= routes.length);
  await until('the route', () => netsOf(chain.node) === '10.244.9.0/24');
  assert.deepEqual(hopsOf(chain.node).get('10.244.9.0/24'), ['192.168.77.1']);
  assert.match(bird.ask('show route 10.244.8.0/24'), /unreachable/);
});
