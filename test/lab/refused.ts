// What happens to a lab whose API takes the agents' token no more, until they are given another:
// pings go on, pods are started, everybody says so, and nobody needs to be restarted. For how long
// is up to the test.

import assert from 'node:assert/strict';
import type { Status } from '../../src/agent/status.ts';
import { ClusterApi } from '../../src/lab/cluster-api.ts';
import type { TestLab } from './lab.ts';
import { withLab } from './lab.ts';
import { OwnApi, replaceToken } from './own-api.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';
import { logOf, untilLogged } from './words.ts';

const [OLD, NEW] = ['the-token-of-before', 'the-token-of-today'];
const TRIES = /"msg":"lost touch with the API"/g;

const isRefused = ({ source }: Status): boolean => /401/.test(source.problem ?? '');
const isWell = ({ source, cluster, ready }: Status): boolean =>
  source.problem === undefined && cluster === 'synced' && ready;

const triesOf = (lab: TestLab, node: string): number =>
  (logOf(lab, node).match(TRIES) ?? []).length;

/** `whileRefused` says how long; returns the milliseconds from the new token to the last node. */
export async function refuseFor(whileRefused: (lab: TestLab) => Promise<void>): Promise<number> {
  const own = await OwnApi.start(OLD);
  let recoveredMs = 0;
  try {
    const { kubeconfig } = own;
    await withLab({ kubeconfig, subnetSource: 'lease' }, async (lab) => {
      const names = lab.plan.nodes.map(({ name }) => name);
      const pids = names.map((name) => lab.agent(name).pid);
      const held = await Promise.all(names.map((name) => lab.status(name)));
      const reports = await whilePinging(lab, async () => {
        own.letIn(NEW);
        for (const name of names) await lab.untilStatus(name, 'says 401', isRefused);
        await whileRefused(lab);
        for (const name of names) {
          assert.ok(isRefused(await lab.status(name)), `${name} says 401 all the time`);
          await untilLogged(lab, name, /"problem":"[^"]*401/);
          await lab.attach(name, 2);
        }
        await lab.mustReach();
        const startedMs = performance.now();
        // The lab's own first: it takes its objects away in the end.
        for (const path of [kubeconfig, lab.directory.nodeKubeconfig]) replaceToken(path, NEW);
        for (const name of names) await lab.untilStatus(name, 'goes on', isWell);
        recoveredMs = performance.now() - startedMs;
        const renewed = lab.with(await ClusterApi.open(kubeconfig));
        await renewed.edit({ Backend: { Type: 'host-gw' } });
        await renewed.settled(({ peers }) => peers.every(({ used }) => used === 'host-gw'));
        await renewed.mustReach();
      });
      assertNothingLost(reports);
      assert.deepEqual(
        names.map((name) => lab.agent(name).pid),
        pids,
      );
      for (const [index, name] of names.entries()) {
        assert.deepEqual((await lab.status(name)).lease.subnets, held[index]?.lease.subnets);
      }
    });
  } finally {
    await own.stop();
  }
  return recoveredMs;
}

/** Every agent has tried so often, and waits longer each time. */
export async function untilTried(lab: TestLab, times: number): Promise<void> {
  for (const { name } of lab.plan.nodes) {
    await lab.untilStatus(name, `${times} tries`, () => triesOf(lab, name) >= times);
  }
}
