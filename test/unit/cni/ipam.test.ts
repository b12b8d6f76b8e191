// Which address a pod gets, on small subnets where every case is met, and as properties of long
// random lives of a node.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { chooseAddresses, objectionTo, usageOf } from '../../../src/cni/ipam.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import { addressAt, contains, parseCidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { parseIp } from '../../../src/net/ip.ts';

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
};

const ips = (...texts: readonly string[]): Set<Ip> =>
  new Set(
    texts.map((text) => {
      const parsed = parseIp(text);
      assert.ok(parsed !== undefined, text);
      return parsed;
    }),
  );

const NONE: ReadonlySet<Ip> = new Set();

/** Released one after the other, a second each, the first one at 0. */
const released = (...texts: readonly string[]): Map<Ip, number> =>
  new Map([...ips(...texts)].map((ip, index) => [ip, index * 1000]));

type Node = { readonly taken?: ReadonlySet<Ip>; readonly rested?: ReadonlySet<Ip> };

function choose(subnets: readonly string[], { taken = NONE, rested = NONE }: Node): string {
  const choice = chooseAddresses({
    subnets: subnets.map(cidr),
    taken,
    rested: {
      ipv4: released(...[...rested].filter((ip) => !ip.includes(':'))),
      ipv6: released(...[...rested].filter((ip) => ip.includes(':'))),
    },
    coolingSinceMs: 0,
    searchFrom: new Map(),
  });
  return choice.kind === 'chosen' ? choice.addresses.join() : `exhausted ${choice.subnets}`;
}

describe('the address of a new pod', () => {
  const cases: readonly [string, readonly string[], Node, string][] = [
    ['is .2 on a new node', ['10.1.0.0/24'], {}, '10.1.0.2'],
    ['is ::2 in IPv6', ['fd00:1::/64'], {}, 'fd00:1::2'],
    ['is one per family, IPv4 first', ['fd00:1::/64', '10.1.0.0/24'], {}, '10.1.0.2,fd00:1::2'],
    ['is not one that is taken', ['10.1.0.0/24'], { taken: ips('10.1.0.2') }, '10.1.0.3'],
    ['is a new one before a rested', ['10.1.0.0/29'], { rested: ips('10.1.0.2') }, '10.1.0.3'],
    [
      'is the one that rested longest when none is new',
      ['10.1.0.0/29'],
      { rested: ips('10.1.0.4', '10.1.0.2', '10.1.0.6'), taken: ips('10.1.0.3', '10.1.0.5') },
      '10.1.0.4',
    ],
    [
      'is never the broadcast address',
      ['10.1.0.0/30'],
      { taken: ips('10.1.0.2') },
      'exhausted 10.1.0.0/30',
    ],
    [
      'is of the second subnet when the first is full',
      ['10.1.0.0/30', '10.2.0.0/30'],
      { taken: ips('10.1.0.2') },
      '10.2.0.2',
    ],
    [
      'is none at all when one family is full',
      ['10.1.0.0/30', 'fd00:1::/64'],
      { taken: ips('10.1.0.2') },
      'exhausted 10.1.0.0/30',
    ],
    [
      'is none in a subnet of two',
      ['10.1.0.0/31'],
      { rested: ips('10.1.0.1') },
      'exhausted 10.1.0.0/31',
    ],
    [
      'is not a rested one of a subnet that the node lost',
      ['10.1.0.0/30'],
      { taken: ips('10.1.0.2'), rested: ips('10.9.0.2') },
      'exhausted 10.1.0.0/30',
    ],
  ];
  for (const [name, subnets, node, expected] of cases) {
    test(name, () => assert.equal(choose(subnets, node), expected));
  }
});

describe('how much of a subnet is in use', () => {
  const [first = assert.fail(), second = assert.fail()] = ['10.1.0.0/29', '10.2.0.0/24'].map(cidr);
  const taken = ips('10.1.0.2', '10.1.0.3', '10.2.0.9', '10.9.0.2');
  const ipv4 = released('10.1.0.3', '10.1.0.4', '10.9.0.3', '10.1.0.5');
  const question = { taken, rested: { ipv4, ipv6: new Map() }, coolingSinceMs: 1000 };

  test('counts what is taken, and what has rested and is free', () =>
    assert.deepEqual(usageOf([first, second], question), [
      { subnet: first, total: 5, used: 2, resting: 2, cooling: 1 },
      { subnet: second, total: 253, used: 1, resting: 0, cooling: 0 },
    ]));

  test('is nothing of a subnet without addresses for pods', () =>
    assert.equal(usageOf([cidr('10.1.0.0/31')], question)[0]?.total, 0));
});

test('addresses are said to be cooling that were released a moment ago, in each family', () => {
  const question = {
    subnets: ['10.1.0.0/29', 'fd00:1::/125'].map(cidr),
    taken: ips('10.1.0.2', '10.1.0.3', '10.1.0.4', 'fd00:1::2', 'fd00:1::3', 'fd00:1::4'),
    rested: { ipv4: released('10.1.0.6', '10.1.0.5'), ipv6: released('fd00:1::5', 'fd00:1::6') },
    searchFrom: new Map(),
  };
  const coolingAt = (coolingSinceMs: number, requested: readonly Ip[] = []): string => {
    const choice = chooseAddresses({ ...question, coolingSinceMs, requested });
    return choice.kind === 'chosen' ? choice.cooling.join() : assert.fail();
  };
  assert.equal(coolingAt(-1), '10.1.0.6,fd00:1::5');
  assert.equal(coolingAt(0), '', 'the others were released later, and are not asked');
  // Whoever names an address wants that one.
  assert.equal(coolingAt(-1, [...ips('10.1.0.5')]), 'fd00:1::5');
});

test('what rested so long that it was forgotten is found in many small subnets as well', () => {
  const subnets = Array.from({ length: 17 }, (_, index) => cidr(`10.1.${index}.0/24`));
  const searchFrom = new Map(subnets.map((subnet) => [subnet, 255n]));
  const rested = { ipv4: new Map(), ipv6: new Map() };
  const choice = chooseAddresses({
    ...{ subnets, taken: NONE, rested, coolingSinceMs: 0, searchFrom },
  });
  assert.equal(choice.kind === 'chosen' ? choice.addresses.join() : choice.kind, '10.1.0.2');
});

/**
 * A node's life: true attaches a pod, a number detaches the pod of that number (modulo), and a
 * negative one attaches a pod that asks for the address of that number.
 */
const LIFE = fc.array(
  fc.oneof(fc.constant(true as const), fc.nat({ max: 50 }), fc.integer({ min: -31, max: -1 })),
  { maxLength: 300 },
);

describe('an objection to a requested address', () => {
  const subnets = ['10.1.0.0/24', '10.2.0.0/29', 'fd00:1::/64'].map(cidr);
  for (const [address, objection] of [
    ['10.1.0.9', undefined],
    ['10.2.0.6', undefined],
    ['fd00:1::9', undefined],
    ['10.1.0.2', 'taken'],
    ['10.1.0.0', 'reserved'],
    ['10.1.0.1', 'reserved'],
    ['10.1.0.255', 'reserved'],
    ['10.2.0.7', 'reserved'],
    ['fd00:1::', 'reserved'],
    ['10.3.0.9', 'foreign'],
    ['fd00:2::9', 'foreign'],
  ] as const) {
    test(`${address}: ${objection ?? 'none'}`, () => {
      const [ip = assert.fail()] = ips(address);
      assert.equal(objectionTo(ip, { subnets, taken: ips('10.1.0.2') }), objection);
    });
  }
});

describe('no interleaving gives an address twice', () => {
  for (const subnet of ['10.1.0.0/27', 'fd00:1::/123', 'fd00:1::/64']) {
    test(`in ${subnet} a free address that rested longer goes first`, () => {
      fc.assert(
        fc.property(LIFE, (life) => live(cidr(subnet), life)),
        { numRuns: 200 },
      );
    });
  }
});

function live(subnet: Cidr, life: readonly (true | number)[]): void {
  const held: Ip[] = [];
  const rested = new Map<Ip, number>();
  let searchFrom: ReadonlyMap<Cidr, bigint> = new Map();
  const everUsed = new Set<Ip>();
  for (const step of life) {
    if (step !== true && step >= 0) {
      const [released] = held.splice(step % Math.max(held.length, 1), 1);
      if (released === undefined) continue;
      rested.delete(released);
      rested.set(released, 0);
      continue;
    }
    const taken = new Set(held);
    const asked = step === true ? undefined : addressAt(subnet, BigInt(-step));
    if (asked !== undefined && objectionTo(asked, { subnets: [subnet], taken }) !== undefined) {
      continue;
    }
    const choice = chooseAddresses({
      subnets: [subnet],
      taken,
      rested: { ipv4: rested, ipv6: rested },
      coolingSinceMs: 0,
      searchFrom,
      requested: asked === undefined ? [] : [asked],
    });
    if (choice.kind === 'exhausted') {
      assert.equal(held.length, 29, 'exhausted only when all 29 of 32 are held');
      continue;
    }
    const [address] = choice.addresses;
    assert.ok(address !== undefined && contains(subnet, address));
    assert.ok(!held.includes(address), `${address} is held already`);
    if (asked !== undefined) assert.equal(address, asked);
    else if (everUsed.has(address)) {
      const oldest = [...rested.keys()].find((candidate) => !held.includes(candidate));
      assert.equal(address, oldest);
    }
    searchFrom = choice.searchFrom;
    everUsed.add(address);
    held.push(address);
  }
}
