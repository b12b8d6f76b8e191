// What sysctls were before: written once, before the first change, never overwritten.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OriginalSysctls } from '../../../src/agent/original-sysctls.ts';
import { silentLog } from '../../../src/lib/log.ts';

test('the first value is kept over further changes and restarts', () => {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-sysctls-'));
  new OriginalSysctls(directory, silentLog).record('ipv4/ip_forward', '0');
  const restarted = new OriginalSysctls(directory, silentLog);
  restarted.record('ipv4/ip_forward', '1');
  restarted.record('ipv4/conf/eth0/rp_filter', '1');
  restarted.record('ipv4/conf/poplin4-1/rp_filter', '2');
  restarted.record('ipv4/conf/gone/rp_filter', undefined);
  const text = readFileSync(join(directory, 'original-sysctls.json'), 'utf8');
  const values = { 'ipv4/ip_forward': '0', 'ipv4/conf/eth0/rp_filter': '1' };
  assert.deepEqual(JSON.parse(text), { version: 2, values });
  rmSync(directory, { recursive: true });
});
