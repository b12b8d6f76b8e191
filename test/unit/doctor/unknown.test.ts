// Facts that could not be learned: said as such, never a finding, and no hindrance to the others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose } from '../../../src/doctor/diagnose.ts';
import { unknown } from '../../../src/doctor/facts.ts';
import type { CheckName } from '../../../src/doctor/names.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { factsWith, kernelWith, statusWith } from '../../fake/doctor.ts';

const VERSION = '0.1.0';
test('what could not be looked at is said, and is no finding', () => {
  const nothing = unknown('not permitted');
  const { findings, skipped } = diagnose(
    factsWith({
      ...{ api: nothing, kernel: nothing, rules: nothing, cniFiles: nothing, config: nothing },
      ...{ udpSockets: nothing, checksums: nothing, duplicates: nothing, features: nothing },
    }),
    VERSION,
  );
  assert.deepEqual(findings, []);
  const names = skipped.map(({ check }) => check);
  for (const name of ['permissions', 'clock', 'conflist', 'leftovers', 'ip-forward', 'checksum']) {
    assert.ok(names.includes(name as CheckName), name);
  }
});

test('with the agent away the rest is judged all the same', () => {
  const facts = factsWith({
    agent: unknown('ENOENT'),
    ...kernelWith({ sysctls: { 'ipv4/ip_forward': '0', 'ipv4/conf/eth0/rp_filter': '1' } }),
  });
  const { findings } = diagnose(facts, VERSION);
  assert.deepEqual(
    findings.map(({ check }) => check),
    ['agent', 'ip-forward', 'rp-filter'],
  );
});

test('a path that eats large packets only is no blocked port', () => {
  const silent = { peer: 'node-2', family: 'ipv4', path: 'vxlan', isUsed: true } as const;
  const facts = factsWith({
    ...statusWith({ silent: [{ ...silent, isOfSizeOnly: true }] }),
    pings: new Map([['192.168.1.12' as Ip, true]]),
  });
  const { findings } = diagnose(facts, VERSION);
  assert.deepEqual(
    findings.map(({ check }) => check),
    ['path-mtu'],
  );
});
