// A thousand pods on one node, and ten thousand that come and go beside them, through the real
// executable, fifty calls at a time: no address twice, nothing left, and the last as fast as the
// first. It prints its numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AT_ONCE, Crowd, inParallel, medianOf, namesTo } from '../lab/crowd.ts';
import { until, withLab } from '../lab/lab.ts';

const PODS = 1_000;
const PAIRS = 10_000;
/** Of so many calls the median counts, at the beginning and in the end. */
const SAMPLE = 500;
const SLOWER_MAX = 2;
const UNTIL_MS = 60_000;

test(`${PODS} pods, and ${PAIRS} more that come and go`, async (context) => {
  const environment = { POPLIN_SUBNET_REST_SECONDS: '1', POPLIN_ADDRESS_REST_SECONDS: '1' };
  const options = { subnetSource: 'lease', nodeCount: 1, podsPerNode: 0 } as const;
  await withLab({ ...options, environment }, async (lab) => {
    const crowd = new Crowd(lab, 'node1');
    const say = (what: string, ms: readonly number[]): void => {
      const [first, last] = [ms.slice(0, SAMPLE), ms.slice(-SAMPLE)].map(medianOf);
      context.diagnostic(`${what}: first ${first?.toFixed(1)} ms, last ${last?.toFixed(1)} ms`);
      assert.ok((last ?? 0) <= SLOWER_MAX * (first ?? 0), `${what}: ${first} → ${last} ms`);
    };
    const names = namesTo(PODS);
    const lanes = namesTo(AT_ONCE).map((name) => `lane${name}`);
    try {
      for (const name of [...names, ...lanes]) await crowd.prepare(name);
      say(`${PODS} ADDs`, await inParallel(names, (name) => crowd.add(name)));
      assert.equal(new Set(crowd.addresses).size, PODS);
      const added: number[] = [];
      const removed: number[] = [];
      await inParallel(lanes, async (lane) => {
        for (let round = 0; round < PAIRS / AT_ONCE; round += 1) {
          added.push(await crowd.add(lane));
          removed.push(await crowd.del(lane));
        }
      });
      assert.deepEqual([added.length, removed.length], [PAIRS, PAIRS]);
      say(`ADDs beside ${PODS} pods`, added);
      say(`DELs beside ${PODS} pods`, removed);
      await inParallel(names, (name) => crowd.del(name));
      assert.equal(crowd.leftovers(), '');
      await until(
        'one subnet',
        async () => {
          return (await lab.status('node1')).lease.subnets.length === 1;
        },
        UNTIL_MS,
      );
    } finally {
      await crowd.remove();
    }
  });
});
