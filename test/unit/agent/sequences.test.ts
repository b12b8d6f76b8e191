// Sequences of clusters: wherever the node comes from, it ends where an empty kernel would end.
// Each list is tried as it is, reversed, with empty clusters between, with restarts between, with
// every state alone, and with all but the last left out.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import type { Config } from '../../../src/config/config.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import { advertOf, configOf, nodeOf } from '../../fake/cluster.ts';
import { FakeNode } from '../../fake/node.ts';

type State = { readonly config: Config; readonly nodes: readonly ClusterNode[] };

const VXLAN = configOf({ Network: '10.244.0.0/16' });
const HOST_GW = configOf({ Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } });
const self = nodeOf(1);
const movedSelf = nodeOf(1, { advert: advertOf(1, { sends: [] }) });
const moved = (number: number): ClusterNode =>
  nodeOf(number, { advert: advertOf(number, { sends: ['host-gw'] }) });
/** A node that took over another's subnet. */
const heir = nodeOf(4, { subnets: ['10.244.2.0/24' as Cidr] });
const readdressed = nodeOf(2, { internalIps: ['192.168.1.77' as Ip] });
const remade = nodeOf(2, {
  uid: 'uid-2b',
  advert: advertOf(2, {
    receives: {
      vxlan: [{ family: 'ipv4', vni: 1, port: 8472, mac: '02:00:00:00:99:99' as Mac }],
      'host-gw': [{ family: 'ipv4' }],
    },
  }),
});

const lists: { name: string; states: readonly State[] }[] = [
  {
    name: 'peers come and go',
    states: [
      { config: VXLAN, nodes: [self] },
      { config: VXLAN, nodes: [self, nodeOf(2)] },
      { config: VXLAN, nodes: [self, nodeOf(2), nodeOf(3)] },
      { config: VXLAN, nodes: [self, nodeOf(3)] },
    ],
  },
  {
    name: 'a subnet moves to another node, and a peer changes its addresses',
    states: [
      { config: VXLAN, nodes: [self, nodeOf(2)] },
      { config: VXLAN, nodes: [self, readdressed] },
      { config: VXLAN, nodes: [self, remade] },
      { config: VXLAN, nodes: [self, heir] },
      { config: VXLAN, nodes: [self, nodeOf(2), heir] },
    ],
  },
  {
    name: 'backends and settings change',
    states: [
      { config: VXLAN, nodes: [self, nodeOf(2)] },
      {
        config: configOf({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan', MTU: 1400 } }),
        nodes: [self, nodeOf(2)],
      },
      { config: HOST_GW, nodes: [movedSelf, moved(2)] },
      {
        config: configOf({ Network: '10.244.0.0/16', Masquerade: false }),
        nodes: [self, nodeOf(2)],
      },
    ],
  },
  {
    name: 'the own subnet changes',
    states: [
      { config: VXLAN, nodes: [self, nodeOf(2)] },
      { config: VXLAN, nodes: [nodeOf(1, { subnets: [] }), nodeOf(2)] },
      { config: VXLAN, nodes: [nodeOf(1, { subnets: ['10.244.9.0/24' as Cidr] }), nodeOf(2)] },
    ],
  },
];

async function alone({ config, nodes }: State): Promise<string> {
  using node = new FakeNode();
  await node.converge(config, nodes);
  return node.text();
}

/** The same moment without any peer. */
const empty = ({ config, nodes }: State): State => ({ config, nodes: nodes.slice(0, 1) });

const expansions: { name: string; expand: (states: readonly State[]) => readonly State[] }[] = [
  { name: 'as it is', expand: (states) => states },
  { name: 'reversed', expand: (states) => states.toReversed() },
  {
    name: 'with empty clusters between',
    expand: (states) => states.flatMap((state) => [empty(state), state]),
  },
  { name: 'every state twice', expand: (states) => states.flatMap((state) => [state, state]) },
  {
    name: 'the first and the last',
    expand: (states) => [states.at(0), states.at(-1)].flatMap((state) => state ?? []),
  },
  { name: 'round and round', expand: (states) => [...states, ...states] },
];

for (const { name, states } of lists) {
  describe(name, () => {
    for (const expansion of expansions) {
      for (const restarts of [false, true]) {
        test(`${expansion.name}${restarts ? ', with a restart at each step' : ''}`, async () => {
          using node = new FakeNode();
          for (const state of expansion.expand(states)) {
            if (restarts) node.restart();
            assert.deepEqual(await node.converge(state.config, state.nodes), []);
            assert.equal(node.text(), await alone(state));
          }
        });
      }
    }
  });
}
