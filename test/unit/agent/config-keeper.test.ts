// The configuration in force: a bad edit changes nothing, also over a restart.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ConfigKeeper } from '../../../src/agent/config-keeper.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { parseCidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';

const GOOD = '{"Network":"10.244.0.0/16"}';
const OTHER = '{"Network":"10.244.0.0/16","Backend":{"Type":"host-gw"}}';
const BAD = '{"Network":"10.244.0.0/16","Backend":{"Type":"vxlna"}}';

describe('the configuration in force', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'poplin-config-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const keeper = (stateDir = directory, own: readonly Ip[] = []): ConfigKeeper =>
    new ConfigKeeper({ stateDir, nodeAddresses: () => own, log: silentLog });
  const from = (text: string) => ({ text, origin: 'ConfigMap poplin/poplin-config' });

  test('is the newest text while that is valid', () => {
    const kept = keeper();
    kept.offer(from(GOOD), []);
    assert.equal(kept.config?.backend.type, 'vxlan');
    kept.offer(from(OTHER), []);
    assert.equal(kept.config?.backend.type, 'host-gw');
    assert.deepEqual(kept.problems, []);
  });

  test('refuses GBP alone while VXLAN runs, and takes it together with another port', () => {
    const kept = keeper();
    const text = (settings: object) =>
      from(JSON.stringify({ ...JSON.parse(GOOD), Backend: { Type: 'vxlan', ...settings } }));
    kept.offer(text({}), []);
    kept.offer(text({ GBP: true }), []);
    const [problem] = kept.problems;
    assert.equal(problem?.key, 'Backend.GBP');
    assert.match(problem?.message ?? '', /one setting for each port: change Backend\.Port with it/);
    assert.equal(kept.config?.backend.type === 'vxlan' && kept.config.backend.gbp, false);
    kept.offer(text({ GBP: true, Port: 4789 }), []);
    assert.deepEqual(kept.problems, []);
    assert.equal(kept.config?.backend.type === 'vxlan' && kept.config.backend.gbp, true);
  });

  test('stays the last good one after a bad edit, which is named, until it is mended', () => {
    const kept = keeper();
    kept.offer(from(GOOD), []);
    kept.offer(from(BAD), []);
    assert.equal(kept.config?.backend.type, 'vxlan');
    assert.deepEqual(
      kept.problems.map(({ key }) => key),
      ['Backend.Type'],
    );
    kept.offer(from(OTHER), []);
    assert.equal(kept.config?.backend.type, 'host-gw');
    assert.deepEqual(kept.problems, []);
  });

  test('is found again by an agent that starts while a bad edit stands', () => {
    keeper().offer(from(GOOD), []);
    const restarted = keeper();
    restarted.offer(from(BAD), []);
    assert.equal(restarted.config?.families[0]?.network, '10.244.0.0/16');
    assert.match(restarted.origin, /last-good-net-conf\.json$/);
    assert.equal(restarted.problems.length, 1);
  });

  test('is none when there never was a good one', () => {
    const kept = keeper();
    kept.offer(from(BAD), []);
    assert.equal(kept.config, undefined);
    assert.equal(kept.problems.length, 1);
  });

  test('is refused on a node whose own address lies inside the network', () => {
    const kept = keeper(directory, ['10.244.9.9' as Ip]);
    kept.offer(from(GOOD), []);
    assert.equal(kept.config, undefined);
    assert.match(kept.problems[0]?.message ?? '', /10\.244\.9\.9/);
  });

  describe('keeps the subnets that the node works by', () => {
    const own = [parseCidr('10.244.1.0/24') ?? assert.fail()];
    const elsewhere = from('{"Network":"10.99.0.0/16"}');

    test('when an edit names a network without them', () => {
      const kept = keeper();
      kept.offer(from(GOOD), own);
      kept.offer(elsewhere, own);
      assert.equal(kept.config?.families[0]?.network, '10.244.0.0/16');
      assert.match(kept.problems[0]?.message ?? '', /does not hold 10\.244\.1\.0\/24/);
      assert.equal(kept.problems[0]?.key, 'Network');
    });

    test('over a restart', () => {
      keeper().offer(from(GOOD), own);
      const restarted = keeper();
      restarted.offer(elsewhere, own);
      assert.equal(restarted.config?.families[0]?.network, '10.244.0.0/16');
      assert.equal(restarted.problems.length, 1);
    });

    test('until the node has others', () => {
      const kept = keeper();
      kept.offer(from(GOOD), own);
      kept.offer(elsewhere, own);
      kept.offer(elsewhere, [parseCidr('10.99.1.0/24') ?? assert.fail()]);
      assert.equal(kept.config?.families[0]?.network, '10.99.0.0/16');
      assert.deepEqual(kept.problems, []);
    });

    test('but a wider network is fine, and so is a family that is switched off', () => {
      const kept = keeper();
      kept.offer(from(GOOD), own);
      kept.offer(from('{"Network":"10.240.0.0/12"}'), own);
      assert.deepEqual(kept.problems, []);
      kept.offer(from('{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd00:244::/48"}'), own);
      assert.deepEqual(kept.problems, []);
    });

    test('and those that were outside before are no reason to refuse', () => {
      const kept = keeper();
      kept.offer(elsewhere, own);
      assert.equal(kept.config?.families[0]?.network, '10.99.0.0/16');
    });
  });

  test('goes on in memory when the disk does not take it', () => {
    const kept = keeper(join(directory, 'absent'));
    kept.offer(from(GOOD), []);
    assert.equal(kept.config?.backend.type, 'vxlan');
  });
});
