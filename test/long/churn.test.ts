// A thousand pods on one node, and ten thousand that come and go beside them, through the real
// executable, fifty calls at a time: no address twice, nothing left, and the last as fast as the
// first, in the best of several tries. It prints its numbers.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { AT_ONCE, Crowd, inParallel, medianOf, namesTo } from '../lab/crowd.ts';
import { until, withLab } from '../lab/lab.ts';
import { withinSomeTime } from '../system/some-time.ts';

const PODS = 1_000;
const PAIRS = 10_000;
/** Of so many calls the median counts, at the beginning and in the end. */
const SAMPLE = 100;
/** Other work on the machine comes and goes. */
const SLOWER_MAX = 1.3;
const UNTIL_MS = 60_000;

test(`${PODS} pods, and ${PAIRS} more that come and go`, async (context) => {
  const environment = { POPLIN_SUBNET_REST_SECONDS: '1', POPLIN_ADDRESS_REST_SECONDS: '1' };
  const options = { subnetSource: 'lease', nodeCount: 1, podsPerNode: 0 } as const;
  await withLab({ ...options, environment }, async (lab) => {
    const crowd = new Crowd(lab, 'node1');
    const names = namesTo(PODS);
    const lanes = namesTo(AT_ONCE).map((name) => `lane${name}`);
    const hasOneSubnet = async (): Promise<boolean> =>
      (await lab.status('node1')).lease.subnets.length === 1;
    try {
      for (const name of [...names, ...lanes]) await crowd.prepare(name);
      await withinSomeTime(SLOWER_MAX, async () => {
        const slower = await comeAndGo(context, crowd, { names, lanes });
        assert.equal(crowd.leftovers(), '');
        await until('one subnet', hasOneSubnet, UNTIL_MS);
        return slower;
      });
    } finally {
      await crowd.remove();
    }
  });
});

type Names = { readonly names: readonly string[]; readonly lanes: readonly string[] };

/** How much longer the last calls of a kind took than the first ones, at worst. */
async function comeAndGo(
  context: TestContext,
  crowd: Crowd,
  { names, lanes }: Names,
): Promise<number> {
  const slowerBy = (what: string, ms: readonly number[]): number => {
    const [first = 0, last = 0] = [ms.slice(0, SAMPLE), ms.slice(-SAMPLE)].map(medianOf);
    context.diagnostic(`${what}: first ${first.toFixed(1)} ms, last ${last.toFixed(1)} ms`);
    return last / first;
  };
  const atFirst = await inParallel(names, (name) => crowd.add(name));
  assert.equal(new Set(crowd.addresses).size, PODS);
  crowd.mustSeeAll();
  const added: number[] = [];
  const removed: number[] = [];
  await inParallel(lanes, async (lane) => {
    for (let round = 0; round < PAIRS / AT_ONCE; round += 1) {
      added.push(await crowd.add(lane));
      removed.push(await crowd.del(lane));
    }
  });
  assert.deepEqual([added.length, removed.length], [PAIRS, PAIRS]);
  await inParallel(names, (name) => crowd.del(name));
  return Math.max(
    slowerBy(`${PODS} ADDs`, atFirst),
    slowerBy(`ADDs beside ${PODS} pods`, added),
    slowerBy(`DELs beside ${PODS} pods`, removed),
  );
}
