// Five hundred pods on one node, started fifty at a time by the real executable: none gets the
// address of another, the last one starts as fast as the first, and in the end nothing is left.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withinSomeTime } from '../system/some-time.ts';
import { Crowd, inParallel, medianOf, namesTo } from './crowd.ts';
import { until, withLab } from './lab.ts';

const PODS = 500;
/** Of so many calls the median counts, at the beginning and in the end. */
const SAMPLE = 100;
/** In the best of several tries: other work on the machine comes and goes. */
const SLOWER_MAX = 1.3;
const UNTIL_MS = 120_000;

test(`${PODS} pods start, and end without a trace`, async (context) => {
  const environment = { POPLIN_SUBNET_REST_SECONDS: '1', POPLIN_ADDRESS_REST_SECONDS: '1' };
  const options = { subnetSource: 'lease', nodeCount: 1, podsPerNode: 0 } as const;
  await withLab({ ...options, environment }, async (lab) => {
    const crowd = new Crowd(lab, 'node1');
    const table = (): string => lab.run('node1', 'nft list table inet poplin');
    const routes = (): string => lab.run('node1', 'ip route show table all proto 113');
    const before = { table: table(), routes: routes() };
    const names = namesTo(PODS);
    try {
      for (const name of names) await crowd.prepare(name);
      /** How much longer the last ADDs took than the first ones. */
      const comeAndGo = async (): Promise<number> => {
        const addMs = await inParallel(names, (name) => crowd.add(name));
        assert.equal(new Set(crowd.addresses).size, PODS);
        crowd.mustSeeAll();
        const { lease } = await lab.status('node1');
        assert.ok(lease.subnets.length >= 2, `${lease.subnets}`);
        const delMs = await inParallel(names, (name) => crowd.del(name));
        assert.equal(crowd.leftovers(), '');
        const isAsBefore = async (): Promise<boolean> =>
          table() === before.table && routes() === before.routes;
        await until('only the first subnet, and all as before', isAsBefore, UNTIL_MS);
        const [first = 0, last = 0] = [addMs.slice(0, SAMPLE), addMs.slice(-SAMPLE)].map(medianOf);
        const numbers = [first, last, medianOf(delMs)].map((ms) => ms.toFixed(1)).join(', ');
        context.diagnostic(`ms of an ADD first, last, and of a DEL: ${numbers}`);
        return last / first;
      };
      await withinSomeTime(SLOWER_MAX, comeAndGo);
    } finally {
      await crowd.remove();
    }
  });
});
