// Suite `drift`: how long it takes until the agent has put back what somebody else deleted or
// changed, for each kind of object, from the return of the command that did it. Beside it, with
// nothing done to anybody, how long the measuring shell alone needs to see that all is right.

import { setTimeout as sleep } from 'node:timers/promises';
import { addProbeRules, driftsOf } from '../lab/drifts.ts';
import { withLab } from '../lab/lab.ts';
import { repairMs } from '../lab/repair-time.ts';
import type { Measure } from './measure.ts';
import { spreadText } from './measure.ts';
import { summarise } from './statistics.ts';
import type { SuiteContext } from './suite.ts';

/** More of them in a minute would be a fight. */
const ROUNDS = 9;
const REST_MS = 50;

type Samples = { readonly own: number[]; readonly other: number[] };

export async function driftSuite({ note }: SuiteContext): Promise<Measure[]> {
  const samples = new Map<string, Samples>();
  note(`${ROUNDS} times each kind of object`);
  await withLab({}, async (lab) => {
    await addProbeRules(lab, 'ipv4');
    const nodes = lab.plan.nodes.map(({ name }) => name);
    for (let round = 0; round < ROUNDS; round += 1) {
      const [node = '', peer = ''] = [...nodes, ...nodes].slice(round % nodes.length);
      for (const drift of driftsOf(lab, node, peer)) {
        const kind = samples.get(drift.kind) ?? { own: [], other: [] };
        samples.set(drift.kind, kind);
        kind.other.push(await repairMs(lab, node, { ...drift, harm: 'true' }));
        kind.own.push(await repairMs(lab, node, drift));
        await sleep(REST_MS);
      }
    }
  });
  return [...samples].map(([kind, { own, other }]) => {
    const [ours, theirs] = [summarise(own), summarise(other)];
    return {
      name: `drift.${kind.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`,
      value: ours.median,
      unit: 'ms',
      against: 'a look when nothing was done',
      reference: theirs.median,
      spread: spreadText(ours, theirs),
    };
  });
}
