// Families of earlier configurations are remembered until they are forgotten, over restarts, and
// what pods need that have addresses of them cannot be configured away.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ConfigKeeper } from '../../../src/agent/config-keeper.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Cidr } from '../../../src/net/cidr.ts';

const NETWORKS = { Network: '10.244.0.0/16', IPv6Network: 'fd00::/48' };
const FILE = 'retired-families.json';

describe('families that were dropped', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'poplin-retired-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const keeper = (): ConfigKeeper =>
    new ConfigKeeper({ stateDir: directory, nodeAddresses: () => [], log: silentLog });
  const offer = (kept: ConfigKeeper, keys: object, more: object = {}): void =>
    kept.offer({ text: JSON.stringify({ ...NETWORKS, ...keys }), origin: 'test', ...more }, OWN);
  const OWN = ['10.244.1.0/24', 'fd00:0:0:1::/64'] as Cidr[];
  const namesOf = (kept: ConfigKeeper): string =>
    kept.retired.map(({ family, network }) => `${family} ${network}`).join();

  test('are remembered, also where the new text does not name them and over a restart', () => {
    const kept = keeper();
    offer(kept, { EnableIPv6: true });
    assert.equal(namesOf(kept), '');
    assert.deepEqual(readdirSync(directory).includes(FILE), false);
    kept.offer({ text: '{"Network":"10.244.0.0/16"}', origin: 'test' }, OWN);
    assert.equal(namesOf(kept), 'ipv6 fd00::/48');
    const again = keeper();
    assert.equal(namesOf(again), 'ipv6 fd00::/48');
    offer(again, {});
    assert.equal(namesOf(again), 'ipv6 fd00::/48');
    again.forgetRetired('ipv6');
    assert.equal(namesOf(keeper()), '');
  });

  test('are known to an agent that was away when they were dropped', () => {
    offer(keeper(), { EnableIPv6: true });
    const later = keeper();
    offer(later, { EnableIPv4: false, EnableIPv6: true });
    assert.equal(namesOf(later), 'ipv4 10.244.0.0/16');
  });

  test('are not dropped any more when they are switched on again', () => {
    const kept = keeper();
    offer(kept, { EnableIPv6: true });
    offer(kept, {});
    offer(kept, { EnableIPv6: true });
    assert.equal(namesOf(kept), '');
  });

  test('keep their network: another one that leaves out the subnet is refused', () => {
    const kept = keeper();
    offer(kept, { EnableIPv6: true });
    offer(kept, {});
    offer(kept, { EnableIPv6: true, IPv6Network: 'fd77::/48' });
    const [problem] = kept.problems;
    assert.equal(problem?.key, 'IPv6Network');
    assert.match(problem?.message ?? '', /does not hold fd00:0:0:1::\/64/);
    assert.equal(namesOf(kept), 'ipv6 fd00::/48');
  });

  test('of IPv6 bound the MTU, until they are forgotten', () => {
    const kept = keeper();
    offer(kept, { EnableIPv6: true });
    const small = { Backend: { Type: 'vxlan', MTU: 1300 } };
    offer(kept, small);
    const [problem] = kept.problems;
    assert.equal(problem?.key, 'Backend.MTU');
    assert.match(problem?.message ?? '', /must be 1350 or more, since pods with IPv6 .* running/);
    assert.equal(kept.config?.families.length, 2, 'nothing of it is taken');
    offer(kept, {});
    kept.forgetRetired('ipv6');
    offer(kept, small);
    assert.deepEqual(kept.problems, []);
  });

  test('in a file that nobody understands are none', () => {
    for (const text of ['{', '{"version":2}', '{"version":1,"families":[{"family":"ipv6"}]}']) {
      writeFileSync(join(directory, FILE), text);
      assert.equal(namesOf(keeper()), '');
    }
  });

  test('stay dropped when the snapshot still has the configuration before', () => {
    const kept = keeper();
    offer(kept, { EnableIPv6: true });
    offer(kept, {});
    const again = keeper();
    offer(again, { EnableIPv6: true }, { isRemembered: true });
    assert.equal(again.config?.families.length, 1);
    assert.equal(namesOf(again), 'ipv6 fd00::/48');
    offer(again, { EnableIPv6: true });
    assert.equal(again.config?.families.length, 2, 'what the datastore says counts');
  });

  test('are taken from the snapshot where nothing else is known', () => {
    const kept = keeper();
    offer(kept, { EnableIPv6: true }, { isRemembered: true });
    assert.equal(kept.config?.families.length, 2);
  });
});
