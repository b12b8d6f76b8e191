// What BIRD is to say: nothing that only a disk remembers, everything while somebody sends by it,
// and no sessions any more once nobody does.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { birdText } from '../../../src/agent/bird-text.ts';
import { bgpPass } from '../../fake/bgp-pass.ts';
import { fakeSession } from '../../fake/bird.ts';
import { KEY } from '../../fake/bird-key.ts';
import { speakerOf } from '../../fake/bird-routes.ts';
import { Station } from '../../fake/bird-speaker.ts';
import { nodeOf } from '../../fake/cluster.ts';

test('while bgp is asked for, BIRD has sessions and announces the own subnets', () => {
  const { speaker } = new Station();
  speaker.follow(bgpPass('bgp'));
  assert.match(speaker.wanted ?? '', /neighbor 192\.168\.1\.2 /);
  assert.match(speaker.wanted ?? '', /10\.244\.1\.0\/24/);
});

test('who brings it to BIRD is told of another text at once, and of the same one never', () => {
  const station = new Station();
  const { speaker } = station;
  speaker.follow(bgpPass('bgp', { nodes: [nodeOf(1)] }));
  assert.equal(station.hints, 1);
  speaker.follow(bgpPass('bgp', { nodes: [nodeOf(1)] }));
  assert.equal(station.hints, 1);
  const alone = speaker.wanted;
  speaker.follow(bgpPass('bgp'));
  assert.notEqual(speaker.wanted, alone);
  assert.equal(station.hints, 2);
});

test('a node that never spoke has nothing to say by another backend', () => {
  const { speaker } = new Station();
  speaker.follow(bgpPass('vxlan'));
  assert.equal(speaker.wanted, undefined);
});

test('when nobody sends by it any more, it is silenced after a while, and then left alone', async () => {
  const station = new Station();
  const { speaker, clock } = station;
  speaker.follow(bgpPass('bgp'));
  const spoken = speaker.wanted ?? '';
  station.good = birdText(spoken, KEY).text;
  speaker.follow(bgpPass('vxlan'));
  assert.equal(speaker.wanted, spoken);
  await clock.advance(5_000);
  speaker.follow(bgpPass('vxlan'));
  const silent = speaker.wanted ?? '';
  assert.ok(silent !== '' && !silent.includes('neighbor'), silent);
  station.good = birdText(silent, KEY).text;
  speaker.follow(bgpPass('vxlan'));
  assert.equal(speaker.wanted, undefined);
});

test('what is only remembered changes no text that BIRD has', () => {
  const station = new Station();
  station.good = 'log stderr all;\n';
  station.speaker.follow(bgpPass('bgp', { kind: 'remembered' }));
  assert.equal(station.speaker.wanted, undefined);
  station.good = undefined;
  station.speaker.follow(bgpPass('bgp', { kind: 'remembered' }));
  assert.match(station.speaker.wanted ?? '', /neighbor/);
});

test('a promise outlasts a restart of BIRD, and not its end', async () => {
  const station = new Station();
  const { speaker, clock } = station;
  const isConfirmed = (): boolean | undefined => speaker.life?.isConfirmed;
  assert.equal(isConfirmed(), undefined);
  station.answer(undefined);
  assert.equal(isConfirmed(), undefined);
  station.answer('hash');
  assert.equal(isConfirmed(), true);
  station.running = undefined;
  await clock.advance(20_000);
  assert.equal(isConfirmed(), true);
  await clock.advance(20_000);
  assert.equal(isConfirmed(), false);
});

test('peers and reflectors are chosen by the labels of nodes', () => {
  const peers = ['rack=r1', 'rack=r2'].map((NodeSelector, index) => {
    return { Address: `192.168.1.${250 + index}`, AS: 65_001, NodeSelector };
  });
  const RouteReflectors = { NodeSelector: 'reflects' };
  const bgp = { FullMesh: false, RouteReflectors, Peers: peers };
  const nodes = [
    nodeOf(1, { labels: { rack: 'r1' } }),
    speakerOf(2, {}, { labels: { reflects: '' } }),
    speakerOf(3, {}, { labels: { rack: 'r1' } }),
  ];
  const { speaker } = new Station();
  speaker.follow(bgpPass('bgp', { bgp, nodes }));
  const neighbours = (speaker.wanted ?? '').matchAll(/neighbor (\S+) /g);
  assert.deepEqual(
    [...neighbours].map(([, address]) => address),
    ['192.168.1.2', '192.168.1.250'],
  );
});

describe('passwords', () => {
  const bgp = { NodePasswordSecret: { Name: 'bgp', Key: 'nodes' } };
  const follow = ({ speaker }: Station) => speaker.follow(bgpPass('bgp', { bgp }));

  test('are read when the text is made; a session without its own is left out', () => {
    const station = new Station();
    follow(station);
    assert.doesNotMatch(station.speaker.wanted ?? '', /neighbor/);
    const words = 'the password in key "nodes" of Secret bgp is not there: no session with node-2';
    assert.deepEqual(station.speaker.problems, [words]);
    station.files.set('bgp/nodes', 'hunter2');
    follow(station);
    assert.match(station.speaker.wanted ?? '', /password "hunter2";/);
    assert.deepEqual(station.speaker.problems, []);
  });

  test('that are gone or too long leave the last good one in use, and are named', () => {
    const station = new Station();
    station.files.set('bgp/nodes', 'hunter2');
    follow(station);
    const before = station.speaker.wanted;
    for (const [text, why] of [
      ['x'.repeat(81), /81 characters/],
      [undefined, /not there/],
    ] as const) {
      if (text === undefined) station.files.clear();
      else station.files.set('bgp/nodes', text);
      follow(station);
      assert.equal(station.speaker.wanted, before);
      assert.match(station.speaker.problems.join(), why);
      assert.doesNotMatch(station.speaker.problems.join(), /hunter2|xxx/);
    }
  });

  test('that are missing when an agent starts are those that BIRD runs by, and are named', () => {
    const peers = [
      { Address: '192.168.1.250', AS: 65_001, PasswordSecret: { Name: 'bgp', Key: 'tor' } },
    ];
    const both = { ...bgp, Peers: peers };
    const before = new Station();
    before.files.set('bgp/nodes', 'hunter2').set('bgp/tor', 'of the router');
    before.speaker.follow(bgpPass('bgp', { bgp: both }));
    const text = before.speaker.wanted ?? '';
    const station = new Station();
    station.good = birdText(text, KEY).text;
    station.files.set('bgp/tor', 'x'.repeat(81));
    station.speaker.follow(bgpPass('bgp', { bgp: both }));
    assert.equal(station.speaker.wanted, text);
    const problems = station.speaker.problems.join('\n');
    assert.match(problems, /"nodes" of Secret bgp is not there: the one before stays in use/);
    assert.match(problems, /"tor" of Secret bgp has 81 characters.*: the one before stays in use/);
    assert.doesNotMatch(problems, /hunter2|router/);
  });

  test('of a session that BIRD did not have leave it out', () => {
    const station = new Station();
    const without = new Station();
    without.speaker.follow(bgpPass('bgp'));
    station.good = birdText(without.speaker.wanted ?? '', KEY).text;
    station.answer('hash');
    follow(station);
    assert.doesNotMatch(station.speaker.wanted ?? '', /neighbor/);
  });

  test('that are missing end no session that is up', () => {
    const station = new Station();
    station.answer('hash');
    station.speaker.follow(bgpPass('bgp'));
    const before = station.speaker.wanted;
    station.sessions = [fakeSession({})];
    follow(station);
    assert.equal(station.speaker.wanted, before);
    assert.match(station.speaker.problems.join(), /key "nodes" of Secret bgp is not there.*stays$/);
  });

  test('that change have another pass made, and others do not', async () => {
    const station = new Station();
    const stop = new AbortController();
    let passes = 0;
    const changed = () => {
      passes += 1;
      follow(station);
    };
    const running = station.speaker.run(changed, stop.signal);
    await station.clock.advance(10_000);
    assert.equal(passes, 0);
    follow(station);
    await station.clock.advance(10_000);
    assert.equal(passes, 0);
    station.files.set('bgp/nodes', 'hunter2');
    station.files.set('bgp/another', 'hunter3');
    await station.clock.advance(10_000);
    assert.equal(passes, 1);
    assert.match(station.speaker.wanted ?? '', /hunter2/);
    stop.abort();
    await running;
  });
});

test('what cannot be done on this node is named while bgp is asked for', async () => {
  const { speaker, clock } = new Station();
  const bgp = { Peers: [{ Address: '172.30.0.1', AS: 65_001 }] };
  speaker.follow(bgpPass('bgp', { bgp }));
  assert.match(speaker.problems.join(), /^peer 172\.30\.0\.1: it is on no network of this node/);
  await clock.advance(60_000);
  speaker.follow(bgpPass('vxlan'));
  assert.deepEqual(speaker.problems, []);
});

test('packets by BIRD are no larger than the node at the other end takes', () => {
  const nodes = [nodeOf(1), speakerOf(2, { receiveMtuBytes: 1400 }), speakerOf(3)];
  const { speaker } = new Station();
  speaker.follow(bgpPass('bgp', { nodes }));
  const [bound, ...more] = [...(speaker.wanted ?? '').matchAll(/.*krt_mtu.*/g)].map(
    ([line]) => line,
  );
  assert.equal(bound, '  if net ~ [ 10.244.2.0/24 ] then krt_mtu = 1400;');
  assert.deepEqual(more, []);
});
