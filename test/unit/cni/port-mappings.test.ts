// Which port mappings are understood, and in what words the others are refused.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isSamePort, parsePortMappings, unservedMapping } from '../../../src/cni/port-mappings.ts';
import type { PortMapping } from '../../../src/endpoint/attachment.ts';
import type { Ip } from '../../../src/net/ip.ts';

const parse = (portMappings: unknown) => parsePortMappings({ portMappings });

function understood(list: unknown): readonly PortMapping[] {
  const parsed = parse(list);
  assert.ok(parsed.kind === 'ok', JSON.stringify(parsed));
  return parsed.value;
}

const TCP = { protocol: 'tcp', hostPort: 8080, containerPort: 80 } as const;

describe('port mappings are understood', () => {
  test('in the spelling of the specification and of containerd', () => {
    assert.deepEqual(understood([{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]), [TCP]);
    const go = [{ HostPort: 8080, ContainerPort: 80, Protocol: 'TCP', HostIP: '' }];
    assert.deepEqual(parsePortMappings({ PortMappings: go }), { kind: 'ok', value: [TCP] });
  });

  test('without a protocol as TCP, and in any case', () => {
    const words = [undefined, null, '', 'tcp', 'Udp', 'SCTP'];
    const protocols = words.map((protocol, index) => {
      return { hostPort: index + 1, containerPort: 80, protocol };
    });
    assert.deepEqual(
      understood(protocols).map(({ protocol }) => protocol),
      ['tcp', 'tcp', 'tcp', 'tcp', 'udp', 'sctp'],
    );
  });

  test('with an address of either family, in its canonical form', () => {
    const addresses = [
      '10.0.0.1',
      '0.0.0.0',
      '2001:DB8:0::1',
      '::',
      '::ffff:10.0.0.1',
      '127.0.0.1',
    ];
    const list = addresses.map((hostIP, index) => {
      return { hostPort: index + 1, containerPort: 80, hostIP };
    });
    assert.deepEqual(
      understood(list).map(({ hostIp }) => hostIp),
      ['10.0.0.1', '0.0.0.0', '2001:db8::1', '::', '10.0.0.1', '127.0.0.1'],
    );
  });

  test('as none where nothing is asked for', () => {
    for (const nothing of [undefined, null, [], [{ containerPort: 80 }]]) {
      assert.deepEqual(understood(nothing), []);
    }
    assert.deepEqual(understood([{ HostPort: 0, ContainerPort: 99_999, Protocol: 'x' }]), []);
    assert.deepEqual(parsePortMappings(undefined), { kind: 'ok', value: [] });
  });

  test('once, when they are given twice', () => {
    assert.deepEqual(understood([TCP, { ...TCP, protocol: 'TCP' }]), [TCP]);
  });
});

describe('port mappings are refused', () => {
  const cases: readonly [string, unknown, RegExp][] = [
    ['that are no list', { hostPort: 1 }, /^runtimeConfig\.portMappings is .*it must be a list/],
    ['that are no objects', ['8080'], /portMappings\[0\] is "8080"; it must be \{hostPort/],
    [
      'with a port below 1',
      [{ hostPort: -1, containerPort: 80 }],
      /\[0\]\.hostPort is -1; .*1 to 65535/,
    ],
    [
      'with a port too large',
      [TCP, { hostPort: 1, containerPort: 65_536 }],
      /\[1\]\.containerPort is 65536/,
    ],
    ['with half a port', [{ hostPort: 80.5, containerPort: 80 }], /hostPort is 80\.5/],
    ['with a port as text', [{ hostPort: '80', containerPort: 80 }], /hostPort is "80"/],
    ['without a container port', [{ hostPort: 80 }], /containerPort is missing/],
    ['with the container port 0', [{ HostPort: 80, ContainerPort: 0 }], /\.ContainerPort is 0/],
    [
      'with another protocol',
      [{ ...TCP, protocol: 'icmp' }],
      /protocol is "icmp"; .*tcp, udp or sctp/,
    ],
    ['with a name as address', [{ ...TCP, HostIP: 'node1' }], /HostIP is "node1"; .*IPv4 or IPv6/],
    ['with a number as address', [{ ...TCP, hostIP: 1 }], /hostIP is 1/],
    [
      'with IPv6’s loopback',
      [{ ...TCP, hostIP: '::1' }],
      /hostIP is "::1"; .*the kernel leads nothing/,
    ],
    [
      'with one port for two',
      [TCP, { ...TCP, containerPort: 81 }],
      /\[1\]\.hostPort is 8080; .*port 80 /,
    ],
    ['with a port of all and of one', [TCP, { ...TCP, hostIP: '10.0.0.1' }], /given once/],
  ];
  for (const [name, list, text] of cases) {
    test(name, () => {
      const parsed = parse(list);
      assert.ok(parsed.kind === 'failed', JSON.stringify(parsed));
      assert.equal(parsed.failure.code, 7);
      assert.match(parsed.failure.details ?? '', text);
    });
  }

  test('that no address of the pod can serve', () => {
    const ipv6 = { ...TCP, hostIp: '2001:db8::1' as Ip };
    assert.equal(unservedMapping([TCP, ipv6], new Set(['ipv4', 'ipv6'])), undefined);
    const failure = unservedMapping([TCP, ipv6], new Set(['ipv4']));
    assert.match(failure?.details ?? '', /hostIP is "2001:db8::1"; .*that the pod gets \(IPv4\)/);
  });
});

describe('the same port of the node', () => {
  const cases: readonly [string | undefined, string | undefined, boolean][] = [
    [undefined, undefined, true],
    [undefined, '10.0.0.1', true],
    [undefined, '::', true],
    ['0.0.0.0', '10.0.0.1', true],
    ['0.0.0.0', '0.0.0.0', true],
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['0.0.0.0', '::', false],
    ['::', '2001:db8::1', true],
    ['10.0.0.1', '::', false],
  ];
  const withIp = (hostIp: string | undefined): PortMapping =>
    hostIp === undefined ? TCP : { ...TCP, hostIp: hostIp as Ip };
  for (const [one, other, isSame] of cases) {
    test(`of ${one ?? 'all'} and ${other ?? 'all'} is ${isSame ? 'one' : 'two'}`, () => {
      assert.equal(isSamePort(withIp(one), withIp(other)), isSame);
      assert.equal(isSamePort(withIp(other), withIp(one)), isSame);
      assert.equal(isSamePort(withIp(one), { ...withIp(other), protocol: 'udp' }), false);
      assert.equal(isSamePort(withIp(one), { ...withIp(other), hostPort: 8081 }), false);
    });
  }
});
