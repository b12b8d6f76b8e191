// The simulation itself: that it repeats, that it notices a world which does not keep its word, and
// that many nodes which start at once all get a subnet of their own.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mutations } from './mutations.ts';
import type { SubnetSourceName } from './plan.ts';
import { runSeed } from './run.ts';
import { renderStampede, stampede } from './stampede.ts';

const SEED = 5;
/** The first is a large one, in which little goes wrong with paths. */
const FIRST_SEED = 2;
const SEEDS_MAX = 25;

test('a seed does the same twice', async () => {
  const [first, second] = [await runSeed({ seed: SEED }), await runSeed({ seed: SEED })];
  assert.ok(first.events > 100);
  assert.equal(second.events, first.events);
  assert.deepEqual(second.trace(10_000), first.trace(10_000));
  const other = await runSeed({ seed: SEED + 1 });
  assert.notDeepEqual(other.trace(100), first.trace(100));
});

const mutations: readonly {
  readonly what: string;
  readonly mutation: keyof Mutations;
  readonly subnetSource: SubnetSourceName;
  readonly noticed: RegExp;
  readonly hasBirds?: boolean;
}[] = [
  {
    what: 'an API that lets two nodes create one Lease',
    ...{ mutation: 'letsTwoCreate', subnetSource: 'lease', noticed: /is used by \w+ and by \w+/ },
  },
  {
    what: 'an API that forgets what nodes say of themselves',
    ...{ mutation: 'losesPatches', subnetSource: 'podCIDR', noticed: /not whole \d+ s after/ },
  },
  {
    what: 'a kernel that gives packets to the wrong pod',
    ...{ mutation: 'mixesUpPods', subnetSource: 'podCIDR', noticed: /to .*: delivered to/ },
  },
  {
    what: 'agents that do not wait for the probe',
    ...{
      mutation: 'flipsUnprobed',
      subnetSource: 'podCIDR',
      noticed: /breaks the way/,
    },
  },
  {
    what: 'agents that do not say by what they send',
    ...{ mutation: 'hidesSenders', subnetSource: 'podCIDR', noticed: /breaks the way/ },
  },
  {
    what: 'agents that say that they receive what they do not',
    ...{ mutation: 'promisesTooMuch', subnetSource: 'podCIDR', noticed: /says that it receives/ },
  },
  {
    what: 'agents whose pods send more than others receive',
    ...{
      mutation: 'growsRoutesAlone',
      subnetSource: 'podCIDR',
      noticed: /of full size are larger/,
    },
  },
  {
    what: 'agents that go by routes of BIRD’s that lead nowhere',
    ...{ mutation: 'trustsBird', subnetSource: 'podCIDR', noticed: /breaks the way|begins a way/ },
    hasBirds: true,
  },
];

describe('the checks notice', () => {
  for (const { what, mutation, noticed, ...plan } of mutations) {
    test(what, async () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS_MAX; seed += 1) {
        const options = { seed, overrides: plan, mutations: { [mutation]: true } };
        const { violation } = await runSeed(options);
        if (violation === undefined) continue;
        assert.match(violation, noticed);
        return;
      }
      assert.fail(`${SEEDS_MAX} seeds have noticed nothing`);
    });
  }
});

test('200 agents that start at once all get a subnet of their own', async (context) => {
  const result = await stampede(200, 1);
  context.diagnostic(renderStampede(200, result).trim());
  assert.equal(result.violation, undefined);
  assert.equal(result.subnetCount, 200);
});
