// What is lost between the pods of a lab while a test does something to it: the prober of
// `lab switch`, a process of its own, so that nothing that a test does delays it.

import assert from 'node:assert/strict';
import { LossWitness, placesOf } from '../../src/lab/loss-witness.ts';
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

/** With what the kernels said around the times at which something was lost. */
export type Probed = MeasurementResult & { readonly evidence: readonly string[] };

/** Probes between one pod of each pair of nodes, of those that count, while `work` goes on. */
export async function whileProbing(
  { plan, directory }: TestLab,
  work: () => Promise<void>,
  counts: (pod: PodRecord) => boolean = () => true,
): Promise<Probed> {
  const nodeNames = plan.nodes.map(({ name }) => name);
  const pods = podRecords(directory).filter(counts);
  const probes = planProbes(nodeNames, pods, plan.spec.families);
  const { program } = directory.mustRecord(plan.spec.name);
  const witness = LossWitness.start(placesOf(plan, pods));
  let prober: ProberClient | undefined;
  try {
    prober = await ProberClient.start(program, probes, systemClock);
    await work();
    await systemClock.sleep(TAIL_MS);
    const result = await prober.finish();
    return { ...result, evidence: witness.tellOf(result) };
  } finally {
    witness.close();
    prober?.close();
  }
}

/** No packet lost, no connection broken, and the numbers mean it. */
export function assertNothingLost({ evidence, ...result }: Probed): void {
  const nodeNames = result.pairs.flatMap(({ from, to }) => [from, to]);
  const { ok, problems, lost, broken } = judge(result, invalidity(result, nodeNames));
  const said = [result.pairs.filter((pair) => pair.lost > 0), result.streams, result.stalls];
  assert.ok(ok, JSON.stringify({ lost, broken, problems, evidence, said }, null, 1));
  assert.ok(result.pairs.length > 0, 'a measurement that measured nothing');
}
