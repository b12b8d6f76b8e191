// Settings by which a node would have no session at all, mostly a typo: the text that was stays
// while any session is up, and the key is named in either case.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { birdText } from '../../../src/agent/bird-text.ts';
import { bgpPass } from '../../fake/bgp-pass.ts';
import { fakeSession } from '../../fake/bird.ts';
import { KEY } from '../../fake/bird-key.ts';
import { Station } from '../../fake/bird-speaker.ts';
import { nodeOf } from '../../fake/cluster.ts';

describe('settings by which a node would have no session', () => {
  const typo = { FullMesh: false, RouteReflectors: { NodeSelector: 'rack=r1' } };
  const words =
    'BGP.RouteReflectors: no node has the label rack=r1; this node would have no session, so the ' +
    'configuration of before stays';

  test('are not taken while any is up, and the key is named', async () => {
    const station = new Station();
    const { speaker, clock } = station;
    speaker.follow(bgpPass('bgp'));
    const before = speaker.wanted;
    station.answer('hash');
    station.sessions = [fakeSession({})];
    for (let minute = 0; minute < 10; minute += 1) {
      speaker.follow(bgpPass('bgp', { bgp: typo }));
      assert.equal(speaker.wanted, before);
      assert.deepEqual(speaker.problems, [words]);
      await clock.advance(60_000);
    }
    const right = { FullMesh: false, RouteReflectors: { NodeNames: ['node-2'] } };
    speaker.follow(bgpPass('bgp', { bgp: right }));
    assert.deepEqual(speaker.problems, []);
    assert.match(speaker.wanted ?? '', /neighbor 192\.168\.1\.2 /);
  });

  test('are not taken by an agent that starts, nor while BIRD is away', () => {
    const before = new Station();
    before.speaker.follow(bgpPass('bgp'));
    const station = new Station();
    station.good = birdText(before.speaker.wanted ?? '', KEY).text;
    station.speaker.follow(bgpPass('bgp', { bgp: typo }));
    assert.equal(station.speaker.wanted, before.speaker.wanted);
    assert.deepEqual(station.speaker.problems, [words]);
  });

  test('are all there is at the first start, and are taken where none is up; both are named', async () => {
    const first = new Station();
    first.speaker.follow(bgpPass('bgp', { bgp: typo }));
    const second = new Station();
    second.speaker.follow(bgpPass('bgp'));
    second.answer('hash');
    second.speaker.follow(bgpPass('bgp', { bgp: typo }));
    // As long as those of any configuration that has others.
    await second.clock.advance(300_000);
    second.speaker.follow(bgpPass('bgp', { bgp: typo }));
    for (const { speaker } of [first, second]) {
      assert.doesNotMatch(speaker.wanted ?? '', /neighbor/);
      assert.match(speaker.problems.join(), /rack=r1; so this node has no session$/);
      assert.equal(speaker.mayEndAll, false);
    }
  });

  test('are no fault of a node that is alone, or is silenced', async () => {
    const station = new Station();
    const { speaker, clock } = station;
    station.answer('hash');
    station.sessions = [fakeSession({})];
    speaker.follow(bgpPass('bgp'));
    speaker.follow(bgpPass('bgp', { nodes: [nodeOf(1)] }));
    assert.doesNotMatch(speaker.wanted ?? '', /neighbor/);
    assert.deepEqual(speaker.problems, []);
    assert.equal(speaker.mayEndAll, true);
    speaker.follow(bgpPass('bgp'));
    station.good = birdText(speaker.wanted ?? '', KEY).text;
    await clock.advance(5_000);
    speaker.follow(bgpPass('vxlan'));
    assert.doesNotMatch(speaker.wanted ?? '', /neighbor/);
    assert.equal(speaker.mayEndAll, true);
  });
});
