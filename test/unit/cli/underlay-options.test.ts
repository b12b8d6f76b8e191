// The agent's flags for its addresses, which are Flannel's: what is right is taken over in its
// order, what is wrong is named.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAgentOptions } from '../../../src/cli/agent-options.ts';
import { AppError } from '../../../src/lib/errors.ts';

const NODE = ['--node-name', 'a'];
const ETCD = [...NODE, '--datastore', 'etcd', '--etcd-endpoints', 'http://10.0.0.1:2379'];

const wishOf = (args: readonly string[], environment = {}) =>
  parseAgentOptions([...NODE, ...args], environment).underlay;

test('nothing is said by default', () => {
  assert.deepEqual(wishOf([]), { interfaces: [], patterns: [], canReach: [], publicIps: [] });
});

test('repeated flags keep their order, and both ways to write them count', () => {
  const wish = wishOf([
    ...['--iface', 'eth1', '--iface=192.168.1.7', '--iface', 'FD00::7', '--iface', 'br-lan.5'],
    ...['--iface-regex', '^eth', '--iface-regex=10\\.0'],
    ...['--iface-can-reach', '10.0.0.1', '--iface-can-reach', 'fd00::1'],
    ...['--public-ip', '203.0.113.7', '--public-ipv6', '2001:DB8::7'],
  ]);
  assert.deepEqual(wish.interfaces, ['eth1', '192.168.1.7', 'fd00::7', 'br-lan.5']);
  assert.deepEqual(
    wish.patterns.map(({ text }) => text),
    ['^eth', '10\\.0'],
  );
  assert.deepEqual(wish.canReach, ['10.0.0.1', 'fd00::1']);
  assert.deepEqual(wish.publicIps, ['203.0.113.7', '2001:db8::7']);
});

test('in the environment several values stand with blanks between them', () => {
  const environment = {
    POPLIN_IFACE: ' eth1 192.168.1.7\n',
    POPLIN_IFACE_REGEX: '^eth{1,2}',
    POPLIN_PUBLIC_IP: '203.0.113.7',
  };
  const wish = wishOf([], environment);
  assert.deepEqual(wish.interfaces, ['eth1', '192.168.1.7']);
  assert.deepEqual(wish.patterns[0]?.expression, /^eth{1,2}/);
  assert.deepEqual(wish.publicIps, ['203.0.113.7']);
  assert.deepEqual(wishOf(['--iface', 'eth2'], environment).interfaces, ['eth2']);
  assert.deepEqual(wishOf([], { POPLIN_IFACE: '' }).interfaces, []);
});

test('an expression of Flannel’s that ignores case', () => {
  const [pattern] = wishOf(['--iface-regex', '(?i)^ETH']).patterns;
  assert.ok(pattern?.expression.test('eth0'));
  assert.equal(pattern?.text, '(?i)^ETH');
});

test('with etcd --node-ip takes the place of the InternalIPs', () => {
  const { underlay } = parseAgentOptions([...ETCD, '--node-ip', '10.0.0.7, fd00::7'], {});
  assert.deepEqual(underlay.nodeIps, ['10.0.0.7', 'fd00::7']);
  assert.deepEqual(parseAgentOptions(ETCD, {}).underlay.nodeIps, []);
});

describe('a wrong flag for addresses is named', () => {
  const cases: [name: string, args: string[], message: RegExp][] = [
    ['no name', ['--iface', ''], /--iface "" is not the name of a link, as eth1, or its address/],
    ['a blank', ['--iface', 'eth0 eth1'], /--iface "eth0 eth1" is not the name of a link/],
    ['a path', ['--iface', '../x'], /--iface "..\/x" is not the name/],
    ['a long name', ['--iface', 'enp0s31f6.12345678'], /--iface "enp0s31f6.12345678" is not/],
    ['a broken address', ['--iface', 'fd00::g'], /--iface "fd00::g" is not/],
    [
      'a broken expression',
      ['--iface-regex', 'eth[0-'],
      /--iface-regex "eth\[0-" is not a regular expression: .*eth\[0-/,
    ],
    ['an empty expression', ['--iface-regex', ''], /--iface-regex "" is not a regular expression/],
    ['a name to reach', ['--iface-can-reach', 'h'], /--iface-can-reach "h" is not an address/],
    [
      'two to reach of one family',
      ['--iface-can-reach', '10.0.0.1', '--iface-can-reach', '10.0.0.2'],
      /--iface-can-reach "10.0.0.1,10.0.0.2" is not at most one IPv4 and one IPv6/,
    ],
    ['the other family', ['--public-ip', 'fd00::1'], /--public-ip "fd00::1" is not an IPv4/],
    ['and the other way', ['--public-ipv6', '1.2.3.4'], /--public-ipv6 "1.2.3.4" is not an IPv6/],
    [
      '--node-ip with Kubernetes',
      ['--node-ip', '10.0.0.7'],
      /--node-ip "10.0.0.7" is for --datastore etcd; with Kubernetes the InternalIP/,
    ],
    ['a bad --node-ip', [...ETCD.slice(2), '--node-ip', '10.0.0'], /--node-ip "10.0.0" is not/],
    [
      'two of a family',
      [...ETCD.slice(2), '--node-ip', '10.0.0.1,10.0.0.2'],
      /--node-ip "10.0.0.1,10.0.0.2" is not at most one IPv4/,
    ],
  ];
  for (const [name, args, message] of cases) {
    test(name, () => {
      assert.throws(
        () => parseAgentOptions([...NODE, ...args], {}),
        (error) =>
          error instanceof AppError && error.code === 'USAGE' && message.test(error.message),
      );
    });
  }
});
