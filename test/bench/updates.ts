// What a cluster of thousands costs the agent while it lives: 50 updates of Nodes a second, first
// such as kubelets send all the time and that say nothing new to a pod network, then such as change
// what a peer receives by. Against a process that watches the same Nodes and does nothing.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderAdvert } from '../../src/cluster/advert.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { macFrom } from '../../src/net/mac.ts';
import { ADVERT_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';
import { NODE_LAUNCHER, ROOT } from './checkout.ts';
import type { Agent, Cluster } from './cluster.ts';
import type { Measure } from './measure.ts';
import { peerAdvert } from './node-objects.ts';
import { endProcess, inNamespace } from './stage.ts';
import { shortNumber } from './statistics.ts';

const PER_SECOND = 50;
const SECONDS = 10;
const AGAINST = 'a bare watch';
/** Until a process that was just started, or just got much to do, is at rest. */
const SETTLE_MS = 4_000;

type Patch = (number: number, round: number) => unknown;

/** Nothing in it is of interest to a peer. */
const heartbeat: Patch = (_, round) => ({
  metadata: { annotations: { 'example.com/heartbeat': String(round) } },
});

const otherMac: Patch = (number, round) => {
  const mac = macFrom(`update ${number} ${round}`);
  const receives = { vxlan: [{ family: 'ipv4' as const, vni: 1, port: 8472, mac }] };
  const advert = peerAdvert(number, { receives: { ...receives, 'host-gw': [] } });
  return { metadata: { annotations: { [ADVERT_ANNOTATION]: renderAdvert(advert) } } };
};

/** Milliseconds of processor time for each second; of a cluster with `nodeCount` peers. */
export async function updateMeasures(
  cluster: Cluster,
  { child }: Agent,
  { nodeCount, name: clusterName }: { readonly nodeCount: number; readonly name: string },
): Promise<Measure[]> {
  const script = join(ROOT, 'test/bench/watch-process.ts');
  const argv = inNamespace(cluster.fabric, [
    ...NODE_LAUNCHER,
    script,
    cluster.api.server,
    'from-now',
  ]);
  const watch = cluster.stage.start(argv, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  watch.on('message', () => undefined);
  await systemClock.sleep(SETTLE_MS);
  const measures: Measure[] = [];
  for (const [name, patch] of [
    ['heartbeat', heartbeat],
    ['change', otherMac],
  ] as const) {
    const before = [cpuMsOf(child.pid), cpuMsOf(watch.pid)] as const;
    const lateMs = await updateSteadily(cluster, nodeCount, patch);
    measures.push({
      name: `updates.${clusterName}.${name}`,
      value: (cpuMsOf(child.pid) - before[0]) / SECONDS,
      unit: 'ms/s',
      against: AGAINST,
      reference: (cpuMsOf(watch.pid) - before[1]) / SECONDS,
      spread: `the updates took ${shortNumber(SECONDS + lateMs / 1_000)} s`,
    });
    await systemClock.sleep(SETTLE_MS);
  }
  await endProcess(watch);
  return measures;
}

/** Returns how much longer it took than it should. */
async function updateSteadily(cluster: Cluster, nodeCount: number, patch: Patch): Promise<number> {
  const startMs = performance.now();
  for (let round = 0; round < SECONDS * PER_SECOND; round += 1) {
    const dueMs = startMs + (round * 1_000) / PER_SECOND;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await systemClock.sleep(waitMs);
    const number = 1 + ((round * 7) % nodeCount);
    const name = `peer-${number}`;
    const change = { verb: 'merge', kind: 'nodes', name, patch: patch(number, round) } as const;
    await cluster.api.change(change);
  }
  return Math.max(0, performance.now() - startMs - SECONDS * 1_000);
}

/** Of all its threads, user and system (proc(5): fields 14 and 15, in ticks of 10 ms). */
function cpuMsOf(processId: number | undefined): number {
  const [, rest = ''] = readFileSync(`/proc/${processId}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
