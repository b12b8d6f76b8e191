// The agent's flags for etcd: what is right is taken over, what is wrong is named.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAgentOptions } from '../../../src/cli/agent-options.ts';
import { AppError } from '../../../src/lib/errors.ts';

const ETCD = ['--node-name', 'a', '--datastore', 'etcd'];
const END = ['--etcd-endpoints', 'http://10.0.0.1:2379'];
const TLS = ['--etcd-endpoints', 'https://10.0.0.1:2379'];

test('with etcd nothing of Kubernetes is needed, and the defaults are those of Flannel', () => {
  const { etcd } = parseAgentOptions([...ETCD, ...END], {});
  assert.deepEqual(etcd, {
    endpoints: ['http://10.0.0.1:2379'],
    prefix: '/coreos.com/network',
    ...{ caFile: '', certFile: '', keyFile: '', username: '', passwordFile: '' },
    ...{ leaseSeconds: 86_400, renewMarginSeconds: 3_600 },
  });
});

test('endpoints may be several, names and IPv6 addresses, and the environment is read', () => {
  const environment = {
    POPLIN_NODE_NAME: 'a',
    POPLIN_DATASTORE: 'etcd',
    POPLIN_ETCD_ENDPOINTS: 'https://etcd.example:2379/,https://[fd00::1]:443',
    POPLIN_ETCD_PREFIX: '/x/',
  };
  const { etcd } = parseAgentOptions([], environment);
  assert.deepEqual(etcd?.endpoints, ['https://etcd.example:2379', 'https://[fd00::1]:443']);
  assert.equal(etcd?.prefix, '/x');
});

test('without etcd there is none', () => {
  assert.equal(parseAgentOptions(['--node-name', 'a'], {}).etcd, undefined);
});

describe('a wrong option for etcd is named', () => {
  const cases: [name: string, args: string[], message: RegExp][] = [
    ['another datastore', ['--datastore', 'consul'], /"consul" is not one of kubernetes, etcd/],
    ['no endpoint', [], /--etcd-endpoints is required with --datastore etcd: http:/],
    [
      'an endpoint without a scheme',
      ['--etcd-endpoints', '10.0.0.1:2379'],
      /"10.0.0.1:2379" is not/,
    ],
    ['an endpoint without a port', ['--etcd-endpoints', 'http://h'], /"http:\/\/h" is not http:/],
    ['a port too large', ['--etcd-endpoints', 'http://h:70000'], /"http:\/\/h:70000" is not/],
    ['a path', ['--etcd-endpoints', 'http://h:1/x'], /"http:\/\/h:1\/x" is not/],
    ['two kinds', ['--etcd-endpoints', 'http://h:1,https://h:2'], /all http or all https/],
    ['a CA for http', [...END, '--etcd-ca-file', '/ca'], /--etcd-ca-file "\/ca" is for .*https/],
    ['a certificate alone', [...TLS, '--etcd-cert-file', '/c'], /needs --etcd-key-file too/],
    ['a key alone', [...TLS, '--etcd-key-file', '/k'], /needs --etcd-cert-file too/],
    ['a user alone', [...END, '--etcd-username', 'u'], /"u" needs --etcd-password-file too/],
    ['a bad prefix', [...END, '--etcd-prefix', 'x y'], /--etcd-prefix "x y" is not a path/],
    ['a short lease', [...END, '--etcd-lease-seconds', '3'], /"3" is not a number of seconds from/],
    [
      'a margin longer than half the lease',
      [...END, '--etcd-lease-seconds', '60', '--etcd-lease-renew-margin-seconds', '31'],
      /"31" is not a number of seconds from 1 to 30/,
    ],
  ];
  for (const [name, args, message] of cases) {
    test(name, () => {
      assert.throws(
        () => parseAgentOptions([...ETCD, ...args], {}),
        (error) =>
          error instanceof AppError && error.code === 'USAGE' && message.test(error.message),
      );
    });
  }

  test('endpoints without --datastore etcd', () => {
    assert.throws(
      () => parseAgentOptions(['--node-name', 'a', ...END], {}),
      /--datastore is kubernetes and not etcd/,
    );
  });
});
