// `poplin config check FILE` as a user sees it: lines on both outputs and the exit code.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configCheck } from '../../../src/cli/config-check.ts';

async function check(text: string | Error): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await configCheck('net-conf.json', {
    readFile: async () => {
      if (text instanceof Error) throw text;
      return text;
    },
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('config check', () => {
  test('describes a good configuration and exits with 0', async () => {
    const text = `{
      "Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:10:244::/48",
      "Backend": {"Type": "vxlan", "DirectRouting": true},
      "MasqueradeExclude": ["10.0.0.0/8"]
    }`;
    const { code, out, err } = await check(text);
    assert.equal(code, 0);
    assert.equal(err, '');
    assert.equal(
      out.replace(/hash [0-9a-f]{12}/, 'hash …'),
      [
        'net-conf.json is fine (hash …)',
        '  IPv4: 10.244.0.0/16, 255 node subnets of /24 from 10.244.1.0 to 10.244.255.0',
        '  IPv6: fd00:10:244::/48, 65535 node subnets of /64 ' +
          'from fd00:10:244:1:: to fd00:10:244:ffff::',
        '  backend: vxlan, VNI 1, port 8472, MTU of the underlay, DirectRouting',
        '  masquerade: yes, except to 10.0.0.0/8',
        '  forward rules: own',
      ].join('\n'),
    );
  });

  test('host-gw without masquerade is described as such', async () => {
    const { out } = await check(
      '{"Network": "10.244.0.0/16", "Backend": {"Type": "host-gw"}, "Masquerade": false}',
    );
    assert.match(out, /^ {2}backend: host-gw$/m);
    assert.match(out, /^ {2}masquerade: no$/m);
  });

  test('names every problem of a bad one and exits with 2', async () => {
    const { code, out, err } = await check('{"Netwrok": "10.244.0.0/16", "SubnetLen": 31}');
    assert.deepEqual(
      { code, out, err: err.split('\n') },
      {
        code: 2,
        out: '',
        err: [
          'net-conf.json is not usable: 2 problems',
          '  SubnetLen = 31: must be a whole number from 0 to 30',
          '  Netwrok = "10.244.0.0/16": is no key here: did you mean "Network"?',
        ],
      },
    );
  });

  test('a file that cannot be read is exit code 2 with the reason', async () => {
    const { code, err } = await check(new Error('ENOENT: no such file'));
    assert.equal(code, 2);
    assert.equal(err, 'net-conf.json cannot be read: ENOENT: no such file');
  });
});
