// Calls that ask for everything that can be asked for a pod, in any letter case, right and wrong,
// beside CNI_ARGS that are right: each is understood or refused by an error of the specification,
// what is understood can be had, and the letter case decides nothing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { AddRequest, RequestParse } from '../../src/cni/request.ts';
import { parseRequest } from '../../src/cni/request.ts';
import { familyOf } from '../../src/net/ip.ts';
import { macToBytes } from '../../src/net/mac.ts';
import { FakeCniNode } from '../fake/cni-node.ts';

type Json = { readonly [key: string]: unknown };

/** An object of some of these members. */
const some = (members: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Json> =>
  fc.record(members, { requiredKeys: [] });

/** Mostly what is right, now and then anything. */
const mostly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: fc.jsonValue() });

const port = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 65_535 }) },
  { weight: 2, arbitrary: fc.constantFrom(80, 8080) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, 65_536, 1.5, '80', null) },
);
const address = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 255 }).map((last) => `10.244.1.${last}`) },
  { weight: 3, arbitrary: fc.nat({ max: 65_535 }).map((n) => `fd00:10:244:1::${n.toString(16)}`) },
  { weight: 1, arbitrary: fc.oneof(fc.ipV4(), fc.ipV6()) },
);
const prefix = fc.oneof(
  address,
  fc.tuple(address, fc.nat({ max: 130 })).map(([ip, length]) => `${ip}/${length}`),
);
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':'));
const rate = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 8, max: 2 ** 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 7, -1, 0.5, 1e15, 1e16, 2 ** 35) },
);
const texts = fc.array(fc.string({ maxLength: 12 }), { maxLength: 3 });

const MEMBERS = {
  portMappings: mostly(
    fc.array(
      some({
        hostPort: mostly(port),
        containerPort: mostly(port),
        protocol: mostly(fc.constantFrom('tcp', 'udp', 'sctp', 'TCP', 'icmp', '', null)),
        hostIP: mostly(fc.oneof(address, fc.constantFrom('', '0.0.0.0', '::', '::1', null))),
      }),
      { maxLength: 4 },
    ),
  ),
  bandwidth: mostly(
    some({ ingressRate: rate, ingressBurst: rate, egressRate: rate, egressBurst: mostly(rate) }),
  ),
  ips: mostly(fc.array(mostly(prefix), { maxLength: 3 })),
  mac: mostly(mac),
  dns: mostly(some({ servers: mostly(texts), searches: mostly(texts), options: texts })),
  ipRanges: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(undefined, null, [], [[]], [{}]) },
    { weight: 1, arbitrary: fc.constant([[{ subnet: '10.0.0.0/24' }]]) },
  ),
};

const cniArgs = fc
  .record(
    {
      K8S_POD_NAMESPACE: fc.constantFrom('shop', 'default'),
      K8S_POD_NAME: fc.constantFrom('web', 'api-0'),
      K8S_POD_UID: fc.uuid(),
      IP: fc.oneof(address, fc.tuple(address, address).map(String)),
      MAC: mac,
    },
    { requiredKeys: [] },
  )
  .map((args) => Object.entries({ IgnoreUnknown: '1', ...args }))
  .map((pairs) => pairs.map(([key, value]) => `${key}=${value}`).join(';'));

const call = fc.record({
  runtimeConfig: some(MEMBERS),
  cni: some({ ips: MEMBERS.ips, mac: MEMBERS.mac }),
  cniArgs,
  verb: fc.constantFrom('ADD', 'ADD', 'ADD', 'DEL'),
});

type Call = typeof call extends fc.Arbitrary<infer Value> ? Value : never;

const configOf = ({ runtimeConfig, cni }: Call): Json => ({ runtimeConfig, args: { cni } });

function parse(given: Call, config = configOf(given)): RequestParse {
  const environment = new Map([
    ['CNI_COMMAND', given.verb],
    ['CNI_CONTAINERID', 'c1'],
    ['CNI_NETNS', '/run/netns/x'],
    ['CNI_IFNAME', 'eth0'],
    ['CNI_PATH', '/opt/cni/bin'],
    ['CNI_ARGS', given.cniArgs],
  ]);
  const stdin = Buffer.from(JSON.stringify({ cniVersion: '1.1.0', name: 'poplin', ...config }));
  return parseRequest({ environment, stdin, hasNetns: true, isRepeated: false });
}

/** Each letter of each key in the case that the next of the flags says. */
function inCases(value: unknown, flags: Iterator<boolean>): unknown {
  if (Array.isArray(value)) return value.map((item) => inCases(item, flags));
  if (typeof value !== 'object' || value === null) return value;
  const recased = (key: string): string =>
    [...key]
      .map((letter) => (flags.next().value ? letter.toUpperCase() : letter.toLowerCase()))
      .join('');
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [recased(key), inCases(inner, flags)]),
  );
}

function* endless(flags: readonly boolean[]): Generator<boolean, boolean> {
  for (;;) yield* flags;
}

/** What can be had at all. */
function assertSound({ requests, portMappings, config }: AddRequest): void {
  assert.deepEqual(config.unsupported, []);
  const families = requests.addresses.map((each) => familyOf(each.address));
  assert.equal(new Set(families).size, families.length);
  if (requests.mac !== undefined) assert.equal((macToBytes(requests.mac)[0] ?? 1) & 1, 0);
  for (const one of [requests.bandwidth?.ingress, requests.bandwidth?.egress]) {
    if (one !== undefined) assert.ok(one.bitsPerSecond >= 8 && one.bitsPerSecond <= 1e15);
  }
  for (const { hostPort, containerPort } of portMappings) {
    assert.ok([hostPort, containerPort].every((number) => number >= 1 && number <= 65_535));
  }
}

/** All but the words, which name keys as they were written. */
const meaningOf = (parsed: RequestParse): unknown => {
  if (parsed.kind === 'failed') return { code: parsed.failure.code };
  if (parsed.request.verb !== 'ADD') return parsed.request.verb;
  const { requests, portMappings, config } = parsed.request;
  const addresses = requests.addresses.map((each) => each.address);
  return { ...requests, addresses, portMappings, dns: config.dns };
};

describe('whatever is asked for a pod', () => {
  test('is understood, or refused by an error of the specification', () => {
    const seen = { request: 0, failed: 0 };
    fc.assert(
      fc.property(call, (given) => {
        const parsed = parse(given);
        seen[parsed.kind] += 1;
        if (parsed.kind === 'failed') {
          assert.equal(given.verb, 'ADD', 'a DEL fails for no wish');
          assert.ok([2, 4, 7].includes(parsed.failure.code), `${parsed.failure.code}`);
          assert.match(`${parsed.failure.message} ${parsed.failure.details}`, /\w{3}/);
        } else if (parsed.request.verb === 'ADD') assertSound(parsed.request);
      }),
      { numRuns: 3_000 },
    );
    assert.ok(seen.request > 300 && seen.failed > 300, JSON.stringify(seen));
  });

  test('is the same in any letter case', () => {
    const flags = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(call, flags, (given, upper) => {
        const recased = inCases(given.runtimeConfig, endless(upper));
        const config = { ...configOf(given), runtimeConfig: recased };
        assert.deepEqual(meaningOf(parse(given, config)), meaningOf(parse(given)));
      }),
      { numRuns: 2_000 },
    );
  });

  test('a pod gets it, or nothing is left of it', async () => {
    await fc.assert(
      fc.asyncProperty(call, async (given) => {
        const node = new FakeCniNode();
        const env = { CNI_ARGS: given.cniArgs };
        const config = configOf(given);
        const { exitCode, stdout } = await node.call('ADD', { env, config });
        assert.doesNotMatch(stdout, /"code":999/);
        if (exitCode !== 0) assert.equal(node.leftovers(), '', stdout);
        assert.equal((await node.call('DEL', { env, config })).exitCode, 0);
        assert.equal(node.leftovers(), '');
      }),
      { numRuns: 300 },
    );
  });
});
