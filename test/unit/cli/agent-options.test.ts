// The agent's options: flags, environment, defaults, and errors that say what would be right.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAgentOptions } from '../../../src/cli/agent-options.ts';
import { AppError } from '../../../src/lib/errors.ts';

test('flags come before the environment, which comes before defaults', () => {
  const options = parseAgentOptions(['--node-name', 'a', '--metrics-listen', '[::1]:9113'], {
    POPLIN_NODE_NAME: 'b',
    POPLIN_STATE_DIR: '/state',
  });
  assert.equal(options.nodeName, 'a');
  assert.equal(options.stateDir, '/state');
  assert.equal(options.runDir, '/run/poplin');
  assert.equal(options.bgpPasswordsDir, '/etc/poplin/bgp-passwords');
  assert.deepEqual(options.metricsListen, { host: '::1', port: 9113 });
});

test('where passwords are is said by a flag or the environment', () => {
  const given = parseAgentOptions(['--node-name', 'a', '--bgp-passwords-dir', '/secrets'], {});
  assert.equal(given.bgpPasswordsDir, '/secrets');
  const environment = { POPLIN_NODE_NAME: 'a', POPLIN_BGP_PASSWORDS_DIR: '/mounted' };
  assert.equal(parseAgentOptions([], environment).bgpPasswordsDir, '/mounted');
});

describe('a wrong option is named', () => {
  const cases: [name: string, args: string[], message: RegExp][] = [
    ['a missing node name', [], /--node-name \(or POPLIN_NODE_NAME\) is required/],
    ['an empty node name', ['--node-name', ''], /--node-name .* is required/],
    ['an unknown flag', ['--node-name', 'a', '--nod', 'x'], /--nod/],
    ['a bad address', ['--node-name', 'a', '--metrics-listen', 'x'], /"x" is not HOST:PORT/],
    ['a bad port', ['--node-name', 'a', '--metrics-listen', 'h:70000'], /"h:70000" is not/],
    ['a bad level', ['--node-name', 'a', '--log-level', 'loud'], /"loud" is not one of debug/],
  ];
  for (const [name, args, message] of cases) {
    test(name, () => {
      assert.throws(
        () => parseAgentOptions(args, {}),
        (error) =>
          error instanceof AppError && error.code === 'USAGE' && message.test(error.message),
      );
    });
  }
});
