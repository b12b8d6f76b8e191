// The sessions of before beside those that come: none is lost that may be the only one to bring a
// route, and nothing is kept that could not be kept as it was.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withKeptSessions } from '../../../src/bgp/keep-sessions.ts';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import type { Speaker } from '../../../src/bgp/speaker-types.ts';
import { bgpSettings, speakerInput, speakerNode, subnetsOf } from '../../fake/bgp.ts';

describe('sessions that are kept for a while', () => {
  const mesh = speakerOf(speakerInput(bgpSettings({}), 4));
  const reflectors = { RouteReflectors: { NodeNames: ['node-2'] }, FullMesh: false };
  const reflected = speakerOf(speakerInput(bgpSettings(reflectors), 4));
  const names = (speaker: { readonly sessions: readonly { readonly name: string }[] }) =>
    speaker.sessions.map(({ name }) => name);

  test('are those of the mesh, beside those with reflectors', () => {
    const both = withKeptSessions(reflected, mesh, () => true);
    assert.deepEqual(names(both), names(mesh));
    assert.equal(both.sessions.find(({ name }) => name === 'node4_node-2')?.role, 'reflector');
    const alive = withKeptSessions(reflected, mesh, (name) => name !== 'node-4');
    assert.deepEqual(names(alive), [
      ...['node4_node-2', 'node4_node-3', 'node6_node-2', 'node6_node-3'],
    ]);
  });

  test('what is a reflector no more goes on to bring what it reflects, pass for pass', () => {
    const bringsAll = ({ sessions }: Speaker): string[] =>
      sessions.filter(({ imports }) => imports.kind === 'reflected').map(({ name }) => name);
    const once = withKeptSessions(mesh, reflected, () => true);
    const twice = withKeptSessions(mesh, once, () => true);
    for (const each of [once, twice]) {
      assert.deepEqual(bringsAll(each), ['node4_node-2', 'node6_node-2']);
      assert.deepEqual(names(each), names(mesh));
    }
    assert.deepEqual(bringsAll(mesh), []);
  });

  test('a reflector goes on to be one', () => {
    const self = { name: 'node-2', labels: {}, subnets: subnetsOf(2) };
    const nodes = [speakerNode(1), speakerNode(3)];
    const of = (bgp: object) => speakerOf(speakerInput(bgpSettings(bgp), 1, { self, nodes }));
    assert.equal(withKeptSessions(of({}), of(reflectors), () => true).isReflector, true);
  });

  test('not with another AS or address, and nothing is changed where nothing is to be kept', () => {
    const other = speakerOf(speakerInput(bgpSettings({ ...reflectors, AS: 64513 }), 4));
    assert.equal(
      withKeptSessions(other, mesh, () => true),
      other,
    );
    assert.equal(
      withKeptSessions(mesh, mesh, () => true),
      mesh,
    );
  });
});
