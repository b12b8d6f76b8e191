// Suite `switch`: what a change of the backend costs the packets between pods, and how long it
// takes, as `poplin lab switch` measures it for a user. Beside it, with the same probes in the same
// lab, the same change as it is done where nothing prepares it: the agents are stopped, what they
// programmed is deleted, and they start again with the new configuration.

import type { TestLab } from '../lab/lab.ts';
import { withLab } from '../lab/lab.ts';
import { assertNothingLost, whileProbing } from '../lab/probing.ts';
import { reportOf } from '../lab/switching.ts';
import type { Measure } from './measure.ts';
import { spreadText } from './measure.ts';
import type { Summary } from './statistics.ts';
import { summarise } from './statistics.ts';
import type { SuiteContext } from './suite.ts';

const ROUNDS = 3;

/** Each from the one before it; the last leads back to where the lab begins. */
const CHANGES: readonly (readonly [name: string, line: string])[] = [
  ['host-gw', 'host-gw'],
  ['vxlan', 'vxlan'],
  ['vni', 'vxlan --set VNI=9'],
  ['port', 'vxlan --set VNI=9 --set Port=4789'],
  ['mtu', 'vxlan --set VNI=9 --set Port=4789 --set MTU=1400'],
  ['auto', 'auto'],
  ['back', 'vxlan'],
];

const AGAINST = 'agents stopped, device deleted, started anew';

type Sample = { readonly lost: number; readonly movedMs: number };

export async function switchSuite({ note }: SuiteContext): Promise<Measure[]> {
  const own = new Map<string, Sample[]>(CHANGES.map(([name]) => [name, []]));
  const unprepared: Sample[] = [];
  await withLab({ families: ['ipv4', 'ipv6'] }, async (lab) => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      note(`${CHANGES.length} changes and an unprepared one, ${round} of ${ROUNDS}`);
      for (const [name, line] of CHANGES) {
        const { lost, broken, movedMs } = await reportOf(lab, line);
        own.get(name)?.push({ lost: lost + broken, movedMs: movedMs ?? Number.NaN });
      }
      unprepared.push(await withoutPreparation(lab, 'host-gw'));
      await withoutPreparation(lab, 'vxlan');
    }
    assertNothingLost(await whileProbing(lab, () => lab.mustReach()));
  });
  return [...own].flatMap(([name, samples]) => measuresOf(name, samples, unprepared));
}

async function withoutPreparation(lab: TestLab, type: string): Promise<Sample> {
  const nodes = lab.plan.nodes.map(({ name }) => name);
  let movedMs = 0;
  const { pairs, streams } = await whileProbing(lab, async () => {
    const startedMs = performance.now();
    const now = JSON.parse(await lab.datastore.netConfText()) as object;
    await lab.datastore.putNetConf(JSON.stringify({ ...now, Backend: { Type: type } }));
    await Promise.all(nodes.map((name) => lab.endAgent(name, 'SIGTERM')));
    for (const name of nodes) {
      lab.run(name, 'ip nexthop flush proto 113');
      for (const [device] of lab
        .run(name, 'ip -o link show type vxlan')
        .matchAll(/poplin[46]-\w+/g)) {
        lab.run(name, `ip link del ${device}`);
      }
    }
    for (const name of nodes) lab.startAgent(name);
    await lab.settled(({ peers }) => peers.every(({ used }) => used === type));
    movedMs = performance.now() - startedMs;
  });
  const lost = pairs.reduce((sum, pair) => sum + pair.lost, 0);
  return { lost: lost + streams.filter(({ broken }) => broken).length, movedMs };
}

function measuresOf(name: string, own: Sample[], other: Sample[]): Measure[] {
  const of = (samples: Sample[], key: keyof Sample): Summary =>
    summarise(samples.map((sample) => sample[key]));
  const measure = (key: keyof Sample, unit: string, take: 'max' | 'median'): Measure => {
    const [ours, theirs] = [of(own, key), of(other, key)];
    const common = { unit, against: AGAINST, spread: spreadText(ours, theirs) };
    const suffix = key === 'lost' ? 'lost' : 'moved';
    return {
      name: `switch.${name}.${suffix}`,
      value: ours[take],
      reference: theirs[take],
      ...common,
    };
  };
  return [measure('lost', 'packets', 'max'), measure('movedMs', 'ms', 'median')];
}
