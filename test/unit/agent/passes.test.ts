// A whole agent whose kernel cannot be read for a while.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryPass } from '../../../src/agent/passes.ts';
import type { PassInput, PassOutcome } from '../../../src/agent/reconciler.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { FakeCluster } from '../../fake/agent-cluster.ts';

test('an agent whose kernel cannot be read for a while goes on when it can', async () => {
  await using cluster = new FakeCluster({ Network: '10.244.0.0/16', SubnetSource: 'lease' });
  const agent = await cluster.add(1);
  await cluster.settle();
  const before = agent.text();
  agent.isUnreadable = true;
  await cluster.add(2);
  await cluster.settle();
  assert.equal(agent.text(), before);
  agent.isUnreadable = false;
  await cluster.clock.advance(31_000);
  await cluster.settle();
  assert.match(agent.text(), /fdb /);
});

test('what cannot be read is told, and what is a fault of ours ends the process', async () => {
  const told: string[] = [];
  const announcer = {
    report: (reason: string, texts: readonly string[]) => void told.push(`${reason} ${texts}`),
  };
  const failing = (error: Error) => ({
    pass: (): Promise<PassOutcome> => Promise.reject(error),
    isSettled: (): boolean => {
      throw error;
    },
  });
  for (const reason of ['triggered', 'routine'] as const) {
    const run = (error: Error) =>
      tryPass({ reconciler: failing(error), announcer }, {} as PassInput, reason);
    assert.equal(await run(new AppError('NETLINK', 'read links', 'EIO')), 'retry');
    assert.deepEqual(told.splice(0), ['KernelNotRead read links: EIO']);
    await assert.rejects(run(new Error('broken')), /broken/);
  }
});

const ROUTINE_MS = 31_000;

test('a settled agent does not read its kernel whole again, until something has changed', async () => {
  await using cluster = new FakeCluster({ Network: '10.244.0.0/16', SubnetSource: 'lease' });
  const agent = await cluster.add(1);
  await cluster.add(2);
  await cluster.settle();
  for (let count = 0; count < 2; count += 1) await cluster.clock.advance(ROUTINE_MS);
  const settled = agent.wholeReads;
  for (let count = 0; count < 3; count += 1) await cluster.clock.advance(ROUTINE_MS);
  assert.equal(agent.wholeReads, settled, 'nothing has changed');
  const route = agent.takeRouteUnnoticed();
  assert.doesNotMatch(agent.text(), new RegExp(route));
  await cluster.clock.advance(ROUTINE_MS);
  assert.match(agent.text(), new RegExp(route), 'although nobody has told of it');
  await cluster.add(3);
  await cluster.settle();
  assert.ok(agent.wholeReads > settled, 'a new peer');
});
