// A node behind a translation: peers are told the public address, the device sends by the real one,
// and plain routes to it are not offered, since who translates knows nothing of pods.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ip } from '../../../src/net/ip.ts';
import { annotationsFor } from '../../../src/source/kubernetes/publication.ts';
import { advertOf, nodeOf } from '../../fake/cluster.ts';
import { configFrom } from '../../fake/config-from.ts';
import { localOf, NETWORK, run, V4 } from '../../fake/desired.ts';

const PUBLIC = '203.0.113.7' as Ip;
const translated = () => localOf({ underlays: [{ ...V4, publicAddress: PUBLIC }] });
const NOTHING = { vxlan: [], 'host-gw': [{ family: 'ipv4' as const }] };
const nodes = [nodeOf(1), nodeOf(2)];

test('peers are told the public address, and Flannel’s nodes as well', () => {
  const { advert, state } = run(configFrom(NETWORK), nodes, translated());
  assert.deepEqual(advert.underlay, [PUBLIC]);
  const device = state.links.get('poplin4-1');
  assert.equal(device?.kind === 'vxlan' && device.local, V4.address);
  const annotations = annotationsFor({ advert, backend: 'vxlan' });
  assert.equal(annotations['flannel.alpha.coreos.com/public-ip'], PUBLIC);
});

test('plain routes are not offered', () => {
  const plain = run(configFrom(NETWORK), nodes);
  assert.deepEqual(plain.advert.receives['host-gw'], [{ family: 'ipv4' }]);
  const { advert } = run(configFrom(NETWORK), nodes, translated());
  assert.deepEqual(advert.receives['host-gw'], []);
  assert.equal(advert.receives.vxlan.length, 1);
});

test('with host-gw, both sides prepare VXLAN for it', () => {
  const config = configFrom({ ...NETWORK, Backend: { Type: 'host-gw' } });
  const plain = (number: number) =>
    nodeOf(number, { advert: advertOf(number, { sends: ['host-gw'] }) });
  const own = nodeOf(1, { advert: advertOf(1, { sends: [], receives: NOTHING }) });
  assert.deepEqual(run(config, [own, plain(2)]).advert.receives.vxlan, []);
  const { advert } = run(config, [own, plain(2)], translated());
  assert.equal(advert.receives.vxlan.length, 1);
  const peer = nodeOf(2, { internalIps: [PUBLIC], advert: { ...advert, sends: [] } });
  const { paths } = run(config, [own, peer]);
  assert.equal(paths[0]?.used, 'vxlan');
});

test('pods see both addresses as those of a node', () => {
  const { state } = run(configFrom(NETWORK), nodes, translated());
  const elements = new Set([...state.nftSets.values()].flatMap((set) => [...set]));
  assert.ok(elements.has(PUBLIC) && elements.has(V4.address));
});

test('and those of InternalIPs, of nodes that take part', () => {
  const { advert, ...silent } = nodeOf(3, { internalIps: ['10.9.9.3' as Ip] });
  assert.ok(advert);
  const peer = { ...nodeOf(2), internalIps: ['10.9.9.2' as Ip] };
  const { state } = run(configFrom(NETWORK), [nodeOf(1), peer, silent]);
  const elements = new Set([...state.nftSets.values()].flatMap((set) => [...set]));
  assert.ok(elements.has('192.168.1.2') && elements.has('10.9.9.2'));
  assert.ok(!elements.has('10.9.9.3'));
});

test('a peer that claims the public address is not sent to', () => {
  const twin = nodeOf(2, { internalIps: [PUBLIC] });
  const { paths, nodeProblems } = run(configFrom(NETWORK), [nodeOf(1), twin], translated());
  assert.match(paths[0]?.reason ?? '', /203\.0\.113\.7 is this node's own/);
  assert.match(nodeProblems.get('node-2')?.join() ?? '', /203\.0\.113\.7 is also that of node-1/);
});
