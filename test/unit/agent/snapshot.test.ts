// The snapshot on disk: what is written is read back, what cannot be trusted is ignored with the
// reason, and it is written neither more often nor larger than needed.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { RememberedHolding } from '../../../src/agent/lease-keeper.ts';
import {
  parseCluster,
  parseHolding,
  renderCluster,
  renderHolding,
} from '../../../src/agent/snapshot.ts';
import { snapshotFiles } from '../../../src/agent/snapshot-files.ts';
import { SnapshotKeeper } from '../../../src/agent/snapshot-keeper.ts';
import type { Synced } from '../../../src/cluster/cluster.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import { FakeClock } from '../../fake/clock.ts';
import { clusterOf, nodeOf } from '../../fake/cluster.ts';

const OWNER = { node: 'node-1', machine: 'machine-1' };
const NOW = { bootId: 'a', boottimeMs: 1_000, now: new Date(1_000_000) };
const HOLDING: RememberedHolding = {
  authority: 'etcd',
  explanation: 'the datastore is etcd',
  subnets: ['10.244.1.0/24', 'fd00:0:0:1::/64'] as Cidr[],
  end: { boottimeMs: 61_000, wallClockMs: 1_060_000 },
  isLost: false,
};

const publicIp = '192.168.1.9' as Ip;
const { advert: _, ...withoutAdvert } = nodeOf(9);
const FLANNEL = {
  ...withoutAdvert,
  flannel: {
    backendType: 'vxlan',
    publicIps: [publicIp],
    vxlan: [{ publicIp, vni: 1, mac: '02:00:00:00:00:09' as Mac }],
  },
  addressWords: { publicIps: ['10.0.0.9' as Ip], overwrites: ['fd00::9' as Ip] },
  labels: { rack: 'r1', 'example.com/edge': '' },
  problems: ['something'],
};
const CLUSTER = clusterOf([nodeOf(1), nodeOf(2), FLANNEL]);

describe('a remembered cluster', () => {
  test('is the one that was written, one node a line', () => {
    const text = renderCluster(OWNER, CLUSTER);
    const parsed = parseCluster(text, OWNER);
    assert.equal(parsed.kind === 'ok' && parsed.value.kind, 'remembered');
    assert.deepEqual(parsed.kind === 'ok' && parsed.value.nodes, CLUSTER.nodes);
    assert.equal(text.split('\n').length, 1 + 3 + 2);
    assert.doesNotThrow(() => JSON.parse(renderCluster(OWNER, clusterOf([]))));
  });

  const good = renderCluster(OWNER, CLUSTER);
  const unusable: readonly [string, string, RegExp][] = [
    ['that is empty', '', /not JSON/],
    ['that is cut off', good.slice(0, -30), /not JSON/],
    [
      'of a newer version',
      good.replace('"version":1', '"version":2'),
      /its format is 2, of a newer Poplin/,
    ],
    ['of no version', good.replace('"version":1', '"version":0'), /version is 0/],
    ['of another node', good.replace('"node":"node-1"', '"node":"node-7"'), /of the node node-7/],
    ['of another machine', good.replace('"machine-1"', '"machine-2"'), /another machine/],
    ['with a bad address', good.replace('192.168.1.2', '192.168.1.299'), /not an address/],
    ['with a bad network', good.replace('10.244.2.0/24', '10.244.2.1/24'), /not a network/],
    ['with a bad advert', good.replace('"vni":1', '"vni":-1'), /nodes\.0\.advert/],
    ['without nodes', '{"version":1,"node":"node-1","machine":"machine-1"}', /config|nodes/],
    ['that is no object', '[]', /names no version/],
  ];
  for (const [name, text, says] of unusable) {
    test(`${name} is ignored`, () => {
      const parsed = parseCluster(text, OWNER);
      assert.match(parsed.kind === 'ok' ? 'it was taken' : parsed.problem, says);
    });
  }
});

describe('a remembered right', () => {
  const text = renderHolding(OWNER, HOLDING, NOW);
  const endIn = (at: typeof NOW): number | undefined => {
    const parsed = parseHolding(text, OWNER, at);
    assert.ok(parsed.kind === 'ok', JSON.stringify(parsed));
    const { end, ...rest } = parsed.value;
    const { end: _, ...wanted } = HOLDING;
    const isSameBoot = at.bootId === NOW.bootId && at.boottimeMs >= NOW.boottimeMs;
    assert.deepEqual(rest, isSameBoot ? wanted : { ...wanted, isOfEarlierBoot: true });
    return end === undefined ? undefined : end.boottimeMs - at.boottimeMs;
  };

  test('ends by CLOCK_BOOTTIME within the boot that it was written in', () => {
    assert.equal(endIn({ ...NOW, boottimeMs: 31_000, now: new Date(0) }), 30_000);
  });

  test('ends by the wall clock in another boot', () => {
    assert.equal(endIn({ bootId: 'b', boottimeMs: 5, now: new Date(1_020_000) }), 40_000);
    assert.equal(endIn({ bootId: 'b', boottimeMs: 5, now: new Date(2_000_000) }), -940_000);
  });

  test('ends by the wall clock where the boot clock began anew, as in a container', () => {
    assert.equal(endIn({ ...NOW, boottimeMs: 5, now: new Date(1_020_000) }), 40_000);
  });
});

type Write = { readonly name: string; readonly text: string };

async function keeping(
  body: (parts: { keeper: SnapshotKeeper; clock: FakeClock; writes: Write[] }) => Promise<void>,
  refuses = (): boolean => false,
): Promise<Write[]> {
  const clock = new FakeClock();
  const writes: Write[] = [];
  const write = async (name: string, text: string): Promise<void> => {
    if (refuses()) throw new Error('ENOSPC');
    writes.push({ name, text });
  };
  const files = { read: () => undefined, write, rename: () => assert.fail('nothing to rename') };
  const keeper = new SnapshotKeeper({ files, owner: OWNER, bootId: 'a', clock, log: silentLog });
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  await body({ keeper, clock, writes });
  stop.abort();
  await running;
  return writes;
}

const changing = (number: number): Synced => clusterOf([nodeOf(1), nodeOf(2 + (number % 50))]);

describe('the snapshot is written', () => {
  test('at once, and not again while nothing changes', async () => {
    const writes = await keeping(async ({ keeper, clock }) => {
      for (let count = 0; count < 20; count += 1) {
        // Another object of the same content, as after a list.
        keeper.offer(clusterOf([nodeOf(1), nodeOf(2)]), HOLDING);
        await clock.advance(10_000);
      }
    });
    assert.deepEqual(writes.map(({ name }) => name).sort(), ['cluster.json', 'holding.json']);
  });

  test('at a bounded rate when the cluster always changes, the last state in the end', async () => {
    const writes = await keeping(async ({ keeper, clock }) => {
      for (let number = 0; number < 600; number += 1) {
        keeper.offer(changing(number), HOLDING);
        await clock.advance(100);
      }
    });
    const clusters = writes.filter(({ name }) => name === 'cluster.json');
    assert.ok(clusters.length >= 10 && clusters.length <= 14, `${clusters.length} writings`);
    assert.equal(clusters.at(-1)?.text, renderCluster(OWNER, changing(599)));
    assert.equal(writes.filter(({ name }) => name === 'holding.json').length, 1);
  });

  test('again after the disk refused it', async () => {
    let isFull = true;
    const writes = await keeping(
      async ({ keeper, clock, writes }) => {
        keeper.offer(CLUSTER, HOLDING);
        await clock.advance(60_000);
        assert.equal(writes.length, 0);
        isFull = false;
        await clock.advance(300_000);
        assert.equal(writes.length, 2);
      },
      () => isFull,
    );
    assert.equal(writes.length, 2);
  });
});

test('files are written whole, and what is not there is nothing', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-snapshot-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const files = snapshotFiles(directory);
  assert.equal(files.read('a.json'), undefined);
  await files.write('a.json', 'first');
  await files.write('a.json', 'second');
  assert.equal(files.read('a.json'), 'second');
  assert.deepEqual(readdirSync(directory), ['a.json']);
  const parts = { files, owner: OWNER, bootId: 'a', clock: new FakeClock() };
  const said: unknown[] = [];
  const log = { ...silentLog, warn: (fields: unknown) => void said.push(fields) } as never;
  writeFileSync(join(directory, 'cluster.json'), '\0\0\0');
  const { cluster, holding } = new SnapshotKeeper({ ...parts, log }).read();
  assert.equal(cluster, undefined);
  assert.equal(holding, undefined);
  assert.match(JSON.stringify(said), /cluster\.json.*not JSON/);
});
