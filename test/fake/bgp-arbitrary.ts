// Arbitrary settings of BGP as users may write them, and arbitrary clusters, for property tests:
// mostly right, with names and passwords that try to get out of where they stand.

import fc from 'fast-check';
import { passwordId } from '../../src/bgp/passwords.ts';
import type { SpeakerInput, SpeakerNode } from '../../src/bgp/speaker-types.ts';
import { addressesOf, cidr, ip, NETWORKS, subnetsOf } from './bgp.ts';

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

/** Text that would do harm where it is not looked at. */
const nasty = fc.oneof(
  fc.string({ maxLength: 90, unit: 'binary' }),
  fc.constantFrom(
    'a"; }; protocol static x { }; #',
    "'",
    '"',
    '\\',
    '\n',
    'x'.repeat(300),
    '*',
    '',
  ),
  fc.constantFrom('node.one', 'node-1', 'Node_1', '10.0.0.1', 'é'),
);

const asNumber = fc.oneof(
  fc.constantFrom(1, 64_512, 64_513, 65_534, 65_536, 4_200_000_000, 4_294_967_294),
  fc.integer({ min: 1, max: 4_294_967_294 }),
);
const community = fc.oneof(
  fc.tuple(fc.nat(65_535), fc.nat(65_535)).map((parts) => parts.join(':')),
  fc.tuple(fc.nat(4_294_967_295), fc.nat(), fc.nat()).map((parts) => parts.join(':')),
);
const communities = maybe(fc.array(community, { maxLength: 3 }));
const port = maybe(fc.integer({ min: 1, max: 65_535 }));
const selector = fc.constantFrom('rack=r1', 'rack!=r1,edge', '!edge', 'example.com/rack=r2');
const nodes = fc.oneof(
  fc.constant({}),
  selector.map((NodeSelector) => ({ NodeSelector })),
  fc.subarray(['node-1', 'node-2', 'x.y'], { minLength: 1 }).map((NodeNames) => ({ NodeNames })),
);
const secret = fc.record({
  Name: fc.constantFrom('bgp', 'other.secret'),
  Key: fc.constantFrom('a', 'B_c.d'),
});

const prefix4 = fc.constantFrom(
  ...['0.0.0.0/0', '172.20.0.0/16', '10.244.0.0/16', '10.96.0.0/12', '192.0.2.1/32'],
);
const prefix6 = fc.constantFrom('::/0', 'fd00:10:244::/48', '2001:db8::/32');

const rule = (prefix: fc.Arbitrary<string>, hasPreference: boolean, bits: number) =>
  fc
    .record({
      Action: fc.constantFrom('accept', 'reject'),
      Prefix: maybe(prefix),
      lengths: maybe(
        fc.tuple(fc.integer({ min: 0, max: bits }), fc.integer({ min: 0, max: bits })),
      ),
      Communities: communities,
      Preference: maybe(fc.nat(4_294_967_295)),
    })
    .map(({ lengths, Preference, ...rest }) => ({
      ...rest,
      ...(lengths === undefined || rest.Prefix === undefined
        ? {}
        : { MinLength: Math.min(...lengths), MaxLength: Math.max(...lengths) }),
      ...(hasPreference && rest.Action === 'accept' ? { Preference } : {}),
    }));

const rules = (isIpv4: boolean, hasPreference: boolean) =>
  maybe(
    fc.array(rule(isIpv4 ? prefix4 : prefix6, hasPreference, isIpv4 ? 32 : 128), { maxLength: 3 }),
  );

const peer = fc
  .constantFrom('192.168.77.1', '192.168.77.2', '10.99.0.1', 'fd77::1', '2001:db8:1::1')
  .chain((Address) =>
    fc.record({
      Address: fc.constant(Address),
      AS: asNumber,
      Name: maybe(fc.constantFrom('tor-a', 'b.c_d', 'x'.repeat(41))),
      Port: port,
      nodes,
      PasswordSecret: maybe(secret),
      Multihop: maybe(fc.constantFrom(0, 2, 255)),
      GTSM: maybe(fc.boolean()),
      BFD: maybe(fc.boolean()),
      AllowLocalAS: maybe(fc.nat(10)),
      AcceptPods: maybe(fc.boolean()),
      AnnouncePods: maybe(fc.boolean()),
      AnnounceServices: maybe(fc.boolean()),
      ImportFilter: rules(!Address.includes(':'), true),
      ExportFilter: rules(!Address.includes(':'), false),
      Communities: communities,
      ImportLimit: maybe(fc.integer({ min: 1, max: 10_000_000 })),
    }),
  )
  .map(({ nodes: chosen, ...rest }) => ({ ...rest, ...chosen }));

export const arbitraryBgp = fc.record({
  AS: maybe(asNumber),
  NodeAS: maybe(fc.array(fc.record({ NodeSelector: selector, AS: asNumber }), { maxLength: 1 })),
  Port: port,
  FullMesh: maybe(fc.boolean()),
  RouteReflectors: maybe(
    fc.record({ NodeSelector: selector, ClusterID: maybe(fc.constant('10.0.0.1')) }),
  ),
  NodePasswordSecret: maybe(secret),
  Peers: maybe(
    fc.uniqueArray(peer, { maxLength: 3, selector: ({ Address, Name }) => Name ?? Address }),
  ),
  Communities: communities,
  ServiceRanges: maybe(
    fc.record({
      ClusterIP: maybe(fc.constant(['10.96.0.0/12', 'fd00:96::/112'])),
      LoadBalancer: maybe(fc.constant(['198.51.100.0/24'])),
    }),
  ),
  GracefulRestart: maybe(
    fc.record({
      WaitSeconds: maybe(fc.integer({ min: 1, max: 3600 })),
      RestartSeconds: maybe(fc.integer({ min: 1, max: 4095 })),
    }),
  ),
  BFD: maybe(
    fc.record({
      IntervalMs: maybe(fc.integer({ min: 50, max: 60_000 })),
      Multiplier: maybe(fc.integer({ min: 2, max: 50 })),
    }),
  ),
  ECMPPaths: maybe(fc.integer({ min: 1, max: 64 })),
});

const labels = fc.constantFrom<Record<string, string>>(
  ...[{}, { rack: 'r1' }, { edge: '' }, { 'example.com/rack': 'r2', edge: 'yes' }],
);

const node = (number: number): fc.Arbitrary<SpeakerNode> =>
  fc.record({
    name: fc.oneof(fc.constant(`node-${number}`), nasty),
    labels,
    subnets: fc.subarray([...subnetsOf(number), cidr(`10.244.${100 + number}.0/25`)]),
    addresses: fc.oneof(
      fc.subarray([...addressesOf(number)]),
      fc.constant([ip(`192.168.78.${number}`)]),
    ),
  });

/** Settings come from elsewhere. */
export const arbitraryInput: fc.Arbitrary<Omit<SpeakerInput, 'settings'>> = fc.record({
  networks: fc.subarray([...NETWORKS]),
  self: fc.record({
    name: fc.oneof(fc.constant('node-1'), nasty),
    labels,
    subnets: fc.subarray([...subnetsOf(1), ...subnetsOf(9)]),
  }),
  underlays: fc.subarray(
    addressesOf(1).map((address) => ({
      ...{ link: 'eth0', address },
      lengthBits: address.includes(':') ? 64 : 24,
    })),
  ),
  addresses: fc.array(
    fc.record({
      link: fc.oneof(fc.constantFrom('bond0.100', 'a"b', '*', '\\', 'x'.repeat(15)), nasty),
      address: fc.constantFrom(ip('10.99.0.7'), ip('2001:db8:1::7')),
      lengthBits: fc.constant(32),
    }),
    { maxLength: 2 },
  ),
  nodes: fc
    .tuple(...[2, 3, 4].map(node))
    .map((all) => [...new Map(all.map((each) => [each.name, each])).values()]),
});

const password = fc.oneof(fc.constant('a password'), nasty);

export const arbitraryPasswords: fc.Arbitrary<ReadonlyMap<string, string>> = fc
  .tuple(password, password, password)
  .map(([one, two, three]) => [
    [passwordId({ secret: 'bgp', key: 'a' }), one] as const,
    [passwordId({ secret: 'bgp', key: 'B_c.d' }), two] as const,
    [passwordId({ secret: 'other.secret', key: 'a' }), three] as const,
  ])
  .map((entries) => new Map(entries));
