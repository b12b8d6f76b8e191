// What is lost between the pods of a lab while a test does something to it: the prober of
// `lab switch`, a process of its own, so that nothing that a test does delays it.

import assert from 'node:assert/strict';
import type { PodRecord } from '../../src/lab/pods.ts';
import { podRecords } from '../../src/lab/pods.ts';
import { planProbes } from '../../src/lab/probe-plan.ts';
import type { MeasurementResult } from '../../src/lab/prober/measurement.ts';
import { ProberClient } from '../../src/lab/prober-client.ts';
import { invalidity, judge } from '../../src/lab/switch-report.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { TestLab } from './lab.ts';

/** What was broken at the end of the work shows in the probes after it. */
const TAIL_MS = 500;

/** Probes between one pod of each pair of nodes, of those that count, while `work` goes on. */
export async function whileProbing(
  { plan, directory }: TestLab,
  work: () => Promise<void>,
  counts: (pod: PodRecord) => boolean = () => true,
): Promise<MeasurementResult> {
  const nodeNames = plan.nodes.map(({ name }) => name);
  const probes = planProbes(nodeNames, podRecords(directory).filter(counts), plan.spec.families);
  const { program } = directory.mustRecord(plan.spec.name);
  const prober = await ProberClient.start(program, probes, systemClock);
  try {
    await work();
    await systemClock.sleep(TAIL_MS);
    return await prober.finish();
  } finally {
    prober.close();
  }
}

/** No packet lost, no connection broken, and the numbers mean it. */
export function assertNothingLost(result: MeasurementResult): void {
  const nodeNames = result.pairs.flatMap(({ from, to }) => [from, to]);
  const { ok, problems, lost, broken } = judge(result, invalidity(result, nodeNames));
  const said = [result.pairs.filter((pair) => pair.lost > 0), result.streams, result.stalls];
  assert.ok(ok, JSON.stringify({ lost, broken, problems, said }, null, 1));
  assert.ok(result.pairs.length > 0, 'a measurement that measured nothing');
}
