// What sysctls were before: written once in each boot, before the first change, never overwritten,
// together with all that the kernel changes with them.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { OriginalSysctls, readOriginals } from '../../../src/agent/original-sysctls.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { recordSysctls } from '../../fake/record-sysctls.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'poplin-sysctls-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = (bootId = 'this boot') => new OriginalSysctls(directory, bootId, silentLog);
const onDisk = (): unknown =>
  JSON.parse(readFileSync(join(directory, 'original-sysctls.json'), 'utf8'));

test('the first value is kept over further changes and restarts', () => {
  recordSysctls(open(), { 'ipv4/conf/all/rp_filter': '0' });
  recordSysctls(open(), {
    'ipv4/conf/all/rp_filter': '1',
    'ipv4/conf/eth0/rp_filter': '1',
    'ipv4/conf/poplin4-1/rp_filter': '2',
  });
  const values = { 'ipv4/conf/all/rp_filter': '0', 'ipv4/conf/eth0/rp_filter': '1' };
  assert.deepEqual(onDisk(), { version: 3, bootId: 'this boot', values });
});

test('what the kernel changes with it is read and kept as well', () => {
  const asked: string[] = [];
  recordSysctls(open(), { 'ipv4/ip_forward': '0', 'ipv6/conf/all/forwarding': '0' }, (paths) => {
    asked.push(...paths);
    return new Map([[paths[0] ?? '', '1']]);
  });
  assert.deepEqual(asked, [
    'ipv4/conf/all/accept_redirects',
    'ipv4/conf/default/forwarding',
    'ipv6/conf/default/forwarding',
  ]);
  const found = readOriginals(directory, 'this boot');
  assert.deepEqual(found.kind === 'ok' && Object.fromEntries(found.values), {
    'ipv4/ip_forward': '0',
    'ipv4/conf/all/accept_redirects': '1',
    'ipv6/conf/all/forwarding': '0',
    'ipv6/conf/default/forwarding': '1',
  });
});

test('what was recorded before a reboot means nothing any more', () => {
  recordSysctls(open('the boot before'), { 'ipv4/ip_forward': '0' });
  const found = readOriginals(directory, 'this boot');
  assert.deepEqual(found, { kind: 'ok', values: new Map(), isOld: false });
  recordSysctls(open(), { 'ipv4/conf/eth0/rp_filter': '1' });
  const values = { 'ipv4/conf/eth0/rp_filter': '1' };
  assert.deepEqual(onDisk(), { version: 3, bootId: 'this boot', values });
});
