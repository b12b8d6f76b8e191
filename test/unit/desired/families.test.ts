// Which families a node wishes for, serves, and gives to new pods, and in what words it says why
// one is kept or absent.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FamilyConfig } from '../../../src/config/config.ts';
import type { FamilyQuestion, FamilyUsers } from '../../../src/desired/families.ts';
import { familyProblems, planFamilies, retiredFamily } from '../../../src/desired/families.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { advertOf, clusterOf, nodeOf } from '../../fake/cluster.ts';
import { configFrom } from '../../fake/config-from.ts';

const NETWORKS = { Network: '10.244.0.0/16', IPv6Network: 'fd00::/48' };
const DUAL = configFrom({ ...NETWORKS, EnableIPv6: true });
const SINGLE = configFrom(NETWORKS);
const [, V6] = DUAL.families;
assert.ok(V6 !== undefined);

const V4_SUBNET = '10.244.1.0/24' as Cidr;
const V6_SUBNET = 'fd00:0:0:1::/64' as Cidr;

const plan = (question: Partial<FamilyQuestion>) => {
  const usual = { config: DUAL, retired: [], held: [V4_SUBNET], lacks: '' } as const;
  const planned = planFamilies({ ...usual, reachable: ['ipv4', 'ipv6'], ...question });
  const names = (families: readonly FamilyConfig[]): string =>
    families.map(({ family }) => family).join();
  return {
    wished: names(planned.wished.families),
    served: names(planned.served.families),
    needed: planned.needed.join(),
    states: planned.states,
    problems: familyProblems(planned.states),
  };
};

const retired = (reason: string, isOwn = false) => ({ config: V6, isOwn, reason });

describe('a family that is new', () => {
  test('is wished for, and served as soon as there is a subnet of it', () => {
    const before = plan({});
    assert.equal(before.wished, 'ipv4,ipv6');
    assert.equal(before.served, 'ipv4');
    assert.equal(before.needed, 'ipv4');
    assert.deepEqual(
      before.states.map(({ state }) => state),
      ['served', 'absent'],
    );
    assert.deepEqual(before.problems, [], 'what is on its way is no problem');
    const after = plan({ held: [V4_SUBNET, V6_SUBNET] });
    assert.equal(after.served, 'ipv4,ipv6');
    assert.equal(after.needed, 'ipv4,ipv6');
  });

  test('is not wished for by a node without an address of it, which says what would help', () => {
    const alone = plan({ reachable: ['ipv4'] });
    assert.equal(alone.wished, 'ipv4');
    assert.match(alone.problems.join(), /^EnableIPv6 is true, but pods .* no IPv6: .* give it an/);
  });

  test('is prepared with all others by a node that has nothing yet', () => {
    const bare = plan({ held: [], reachable: [] });
    assert.equal(bare.wished, 'ipv4,ipv6');
    assert.equal(bare.served, 'ipv4,ipv6');
  });

  test('that is not to be had is a problem in the words of the source', () => {
    const { problems, served } = plan({ lacks: 'Node a has no IPv6 podCIDR' });
    assert.deepEqual(problems, [
      'EnableIPv6 is true, but pods of this node get no IPv6: Node a has no IPv6 podCIDR',
    ]);
    assert.equal(served, 'ipv4');
  });
});

describe('a family that was dropped', () => {
  const held = [V4_SUBNET, V6_SUBNET];

  test('is served while somebody uses it, and needed while own pods do', () => {
    const own = plan({ config: SINGLE, held, retired: [retired('2 pods', true)] });
    assert.equal(own.wished, 'ipv4,ipv6');
    assert.equal(own.served, 'ipv4,ipv6');
    assert.equal(own.needed, 'ipv4,ipv6');
    const [, state] = own.states;
    assert.equal(state?.state, 'kept');
    assert.equal(state?.reason, 'EnableIPv6 is false, but 2 pods');
    const others = plan({ config: SINGLE, held, retired: [retired('node-2')] });
    assert.equal(others.served, 'ipv4,ipv6');
    assert.equal(others.needed, 'ipv4', 'or nodes would keep it for each other for ever');
  });

  test('goes out of the kernel before its subnet is given back', () => {
    const going = plan({ config: SINGLE, held, retired: [retired('')] });
    assert.equal(going.served, 'ipv4');
    assert.equal(going.wished, 'ipv4,ipv6');
    assert.equal(plan({ config: SINGLE, held }).wished, 'ipv4');
  });

  test('is not claimed by a node that has no subnet of it', () => {
    const { wished, served, states } = plan({ config: SINGLE, retired: [retired('node-2')] });
    assert.equal(wished, 'ipv4');
    assert.equal(served, 'ipv4');
    assert.equal(states.length, 1);
  });
});

describe('a dropped family is used by', () => {
  const users = (changes: Partial<FamilyUsers>): string => {
    const peers = [nodeOf(1), nodeOf(2)];
    const usual = { podAddresses: [], cluster: clusterOf(peers), self: 'node-1' };
    return retiredFamily(V6, { ...usual, ...changes }).reason;
  };
  const underlay = ['192.168.1.2', 'fd01::2'] as Ip[];

  test('nobody', () => assert.equal(users({}), ''));

  test('own pods in its network alone', () => {
    const podAddresses = ['10.244.1.2', 'fd00:0:0:1::2', 'fd00:0:0:1::3', 'fd99::1'] as Ip[];
    assert.equal(users({ podAddresses }), "2 of this node's pods have IPv6 addresses");
  });

  test('a peer that says so, not by one that only serves it', () => {
    const peer = (families: ('ipv4' | 'ipv6')[]) =>
      clusterOf([nodeOf(2, { advert: advertOf(2, { underlay, families }) })]);
    assert.equal(users({ cluster: peer(['ipv4']) }), '');
    assert.match(users({ cluster: peer(['ipv4', 'ipv6']) }), /^node-2 still has pods of IPv6/);
  });

  test('a node of Flannel that has announced it', () => {
    const flannel = { backendType: 'vxlan', publicIps: underlay, vxlan: [] };
    const { advert: _, ...node } = nodeOf(2);
    assert.match(users({ cluster: clusterOf([{ ...node, flannel }]) }), /^node-2 /);
  });

  test('whoever has not been asked: nobody knows of a remembered cluster', () => {
    const { nodes, config } = clusterOf([]);
    const cluster = { kind: 'remembered', nodes, config } as const;
    assert.match(users({ cluster }), /not all nodes have been asked/);
  });
});
