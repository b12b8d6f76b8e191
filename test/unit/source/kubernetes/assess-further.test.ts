// What a node does next about the subnets beside its first one, case by case. That it comes to the
// right end with a server is tested by the scenarios (test/conformance/source-leases-further.ts),
// which forgive a wrong step that a later one makes good.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cidr } from '../../../../src/net/cidr.ts';
import { assessFurther } from '../../../../src/source/kubernetes/assess-further.ts';
import type { ClaimMemory, ClaimView } from '../../../../src/source/kubernetes/claim-view.ts';
import type { LeaseRecord } from '../../../../src/source/kubernetes/lease-record.ts';
import { LeaseTable } from '../../../../src/source/kubernetes/lease-table.ts';
import { configOf } from '../../../fake/cluster.ts';

const [FIRST, SECOND, THIRD, ELSEWHERE] = [
  '10.244.1.0/24',
  '10.244.2.0/24',
  '10.244.3.0/24',
  '10.9.1.0/24',
] as Cidr[] as [Cidr, Cidr, Cidr, Cidr];
const CONFIG = configOf({
  ...{ Network: '10.244.0.0/16', SubnetMin: '10.244.1.0', SubnetMax: '10.244.3.0' },
});

const own = (subnet: Cidr, more: Partial<LeaseRecord> = {}): LeaseRecord => ({
  ...{ subnet, ownerUid: 'uid', holder: 'a', own: { machine: 'm', uid: `lease ${subnet}` } },
  ...more,
});

type Case = {
  /** Told that it holds them. */
  readonly told?: readonly Cidr[];
  readonly further?: readonly Cidr[];
  readonly others?: readonly Cidr[];
  readonly count?: number;
  readonly spare?: readonly Cidr[];
  readonly memory?: Partial<ClaimMemory>;
  readonly isNodeMissing?: boolean;
};

function plan(given: Case) {
  const { told = [FIRST], further = [], others = [], count = 0, spare = [] } = given;
  const leases = new LeaseTable();
  leases.see({ kind: 'listed', items: [] });
  const [kept, beside] = [own(FIRST), further.map((each) => own(each, { isFurther: true }))];
  for (const record of [kept, ...beside]) leases.put(record);
  for (const subnet of others) leases.put({ subnet, ownerUid: 'other', holder: 'b' });
  const memory = {
    ...{ told: { kind: 'held', authority: 'lease', subnets: told }, lastHeld: told },
    ...{ fresh: new Set(), verified: new Set(), refused: new Map(), pending: new Map() },
    ...{ lostFurther: [], loss: undefined, problem: undefined },
    ...given.memory,
  };
  const nodes = { own: given.isNodeMissing === true ? undefined : {}, flannelSubnets: [] };
  const wish = { config: CONFIG, previous: [], further: { counts: { ipv4: count }, spare } };
  const view = { nodeName: 'a', wish, nodes, leases, memory } as unknown as ClaimView;
  const stock = {
    families: CONFIG.families,
    kept: [kept],
    further: beside,
    missing: [],
    surplus: [],
  };
  const { step, stillHeld, lost, noFurther } = assessFurther(view, stock, () => 0);
  const target = 'subnet' in step ? ` ${step.subnet}` : '';
  const named = step.kind === 'claim' ? `, ${step.isNamed ? 'this one' : 'any'}` : '';
  return { step: `${step.kind}${target}${named}`, stillHeld, lost, noFurther };
}

const NOTHING = { step: 'rest', stillHeld: [], lost: [], noFurther: undefined };
const claim = (subnet: Cidr) => `claim ${subnet}, this one`;

const CASES: readonly [string, Case, Partial<ReturnType<typeof plan>>][] = [
  ['nothing while there is enough', { count: 1 }, {}],
  ['any free one where one more is needed', { count: 2 }, { step: `claim ${SECOND}, any` }],
  ['none where no Node is there for it', { count: 2, isNodeMissing: true }, {}],
  [
    'none where all are taken, which is said',
    { count: 2, others: [SECOND, THIRD] },
    { noFurther: 'no free subnet: all 3 of /24 from 10.244.1.0 to 10.244.3.0 are taken' },
  ],
  [
    'the same again when a claim failed, and says so',
    { count: 2, memory: { problem: 'HTTP 500' } },
    { step: `claim ${SECOND}, any`, noFurther: 'none could be claimed yet: HTTP 500' },
  ],
  [
    'what is not needed any more',
    { further: [SECOND], spare: [SECOND] },
    { step: `give-back ${SECOND}` },
  ],
  ['nothing of the first one', { spare: [FIRST] }, {}],
  [
    'what has lost its Lease, and holds it meanwhile',
    { told: [FIRST, SECOND] },
    { step: claim(SECOND), stillHeld: [SECOND], lost: [SECOND] },
  ],
  [
    'that before it gives another back',
    { told: [FIRST, SECOND, THIRD], further: [THIRD], spare: [THIRD] },
    { step: claim(SECOND), stillHeld: [SECOND], lost: [SECOND] },
  ],
  [
    'that again, but does not hold it when the claim has failed',
    { told: [FIRST, SECOND], memory: { problem: 'HTTP 500' } },
    { step: claim(SECOND), lost: [SECOND] },
  ],
  [
    'what was lost earlier, without holding it',
    { memory: { lostFurther: [THIRD] } },
    { step: claim(THIRD), lost: [THIRD] },
  ],
  ['nothing of what somebody else has by now', { told: [FIRST, SECOND], others: [SECOND] }, {}],
  ['nothing of what is lost and not needed', { told: [FIRST, SECOND], spare: [SECOND] }, {}],
  ['nothing of another network than the present one', { told: [FIRST, ELSEWHERE] }, {}],
  ['nothing while its Node is gone', { told: [FIRST, SECOND], isNodeMissing: true }, {}],
];

for (const [name, given, expected] of CASES) {
  test(`a node takes ${name}`, () => assert.deepEqual(plan(given), { ...NOTHING, ...expected }));
}
