// How long old sessions stay: until all nodes go by the new configuration and have had time, and no
// longer than a few minutes where one never does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BirdPasswords } from '../../../src/agent/bird-passwords.ts';
import { BirdSpeaker } from '../../../src/agent/bird-speaker.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { bgpPass } from '../../fake/bgp-pass.ts';
import { speakerOf } from '../../fake/bird-routes.ts';
import { FakeClock } from '../../fake/clock.ts';
import { nodeOf } from '../../fake/cluster.ts';

const REFLECTED = { FullMesh: false, RouteReflectors: { NodeNames: ['node-2'] } };
const configHash = (bgp: object): string => bgpPass('bgp', { bgp }).config.hash;

class Station {
  readonly clock = new FakeClock();
  readonly speaker = new BirdSpeaker({
    nodeName: 'node-1',
    view: () => ({ running: undefined, sessions: [] }),
    tracks: () => new Map(),
    log: silentLog,
    readGood: () => undefined,
    passwords: new BirdPasswords(() => new Map()),
    clock: this.clock,
    hint: () => {},
  });

  /** What BIRD is to say when the others go by configurations of these hashes. */
  follow(bgp: object, others: readonly string[]): string {
    const [second = '', third = ''] = others;
    const nodes = [
      nodeOf(1),
      speakerOf(2, { config: second }),
      speakerOf(3, { config: third }),
    ].map((node) =>
      node.name === 'node-1' && node.advert !== undefined
        ? { ...node, advert: { ...node.advert, config: configHash(bgp) } }
        : node,
    );
    this.speaker.follow(bgpPass('bgp', { bgp, nodes }));
    return this.speaker.wanted ?? '';
  }
}

const [MESH_HASH, REFLECTED_HASH] = [configHash({}), configHash(REFLECTED)];
const neighboursIn = (text: string): string =>
  [...text.matchAll(/neighbor \S+\.(\d+) /g)].map(([, last]) => last).join();

test('a mesh stays until all go by reflectors, and some seconds longer', async () => {
  const station = new Station();
  const mesh = [MESH_HASH, MESH_HASH];
  assert.equal(neighboursIn(station.follow({}, mesh)), '2,3');
  assert.equal(neighboursIn(station.follow(REFLECTED, mesh)), '2,3');
  await station.clock.advance(60_000);
  assert.equal(neighboursIn(station.follow(REFLECTED, [REFLECTED_HASH, MESH_HASH])), '2,3');
  const all = [REFLECTED_HASH, REFLECTED_HASH];
  await station.clock.advance(60_000);
  assert.equal(neighboursIn(station.follow(REFLECTED, all)), '2,3');
  await station.clock.advance(10_000);
  assert.equal(neighboursIn(station.follow(REFLECTED, all)), '2,3');
  await station.clock.advance(10_000);
  assert.equal(neighboursIn(station.follow(REFLECTED, all)), '2');
  assert.equal(neighboursIn(station.follow(REFLECTED, all)), '2');
});

test('one that never goes by it is waited for some minutes', async () => {
  const station = new Station();
  const stuck = [REFLECTED_HASH, 'older'];
  station.follow({}, [MESH_HASH, 'older']);
  assert.equal(neighboursIn(station.follow(REFLECTED, stuck)), '2,3');
  await station.clock.advance(299_000);
  assert.equal(neighboursIn(station.follow(REFLECTED, stuck)), '2,3');
  await station.clock.advance(1_000);
  assert.equal(neighboursIn(station.follow(REFLECTED, stuck)), '2');
});

test('back to the mesh, what was a reflector brings all for as long', async () => {
  const station = new Station();
  const all = [MESH_HASH, MESH_HASH];
  const bringsAll = (text: string): boolean => / may_say4\(SUBNETS4, /.test(text);
  station.follow(REFLECTED, [REFLECTED_HASH, REFLECTED_HASH]);
  const both = station.follow({}, all);
  assert.equal(neighboursIn(both), '2,3');
  assert.ok(bringsAll(both.slice(both.indexOf('template bgp'))));
  await station.clock.advance(20_000);
  const mesh = station.follow({}, all);
  assert.ok(!bringsAll(mesh.slice(mesh.indexOf('template bgp'))));
});

test('when the time is over a pass is asked for', async () => {
  const station = new Station();
  const stop = new AbortController();
  let asked = 0;
  const running = station.speaker.run(() => {
    asked += 1;
    station.follow(REFLECTED, [REFLECTED_HASH, REFLECTED_HASH]);
  }, stop.signal);
  station.follow({}, [MESH_HASH, MESH_HASH]);
  station.follow(REFLECTED, [REFLECTED_HASH, REFLECTED_HASH]);
  await station.clock.advance(18_000);
  assert.equal(asked, 0);
  await station.clock.advance(60_000);
  assert.equal(asked, 1);
  assert.equal(neighboursIn(station.speaker.wanted ?? ''), '2');
  stop.abort();
  await running;
});
