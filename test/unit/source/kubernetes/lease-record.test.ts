// What is kept of a Lease object, and that no object of whatever form does harm.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { leaseRecord, newLease } from '../../../../src/source/kubernetes/lease-record.ts';
import {
  parseRecord,
  renderRecord,
} from '../../../../src/source/kubernetes/subnet-source-record.ts';
import { cidr } from '../../../fake/config-from.ts';

const SUBNET = cidr('10.244.3.0/24');
const CLAIMANT = { nodeName: 'n1', nodeUid: 'u1', machine: 'm_1' };
const CREATED = newLease({ subnet: SUBNET, isFurther: false }, CLAIMANT) as never;

describe('a Lease', () => {
  test('that was written is read back, with the machine for the own node alone', () => {
    const own = { machine: 'm_1', uid: '' };
    const record = { subnet: SUBNET, ownerUid: 'u1', holder: 'n1' };
    assert.deepEqual(leaseRecord(CREATED, 'n1'), { ...record, own });
    assert.deepEqual(leaseRecord(CREATED, 'n2'), record);
  });

  test('without a Node as owner is a reservation', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u2' };
    const metadata = { name: '10.244.3.0-24', ownerReferences: [pod] };
    assert.deepEqual(leaseRecord({ metadata } as never, 'n1'), {
      ...{ subnet: SUBNET, ownerUid: '', holder: '' },
    });
  });

  test('of something else is none', () => {
    assert.equal(leaseRecord({ metadata: { name: 'poplin-leader' } }, 'n1'), undefined);
  });

  test('of whatever form throws nothing', () => {
    const value = fc.jsonValue();
    const metadata = fc.record({
      ...{ name: fc.oneof(fc.constant('10.244.3.0-24'), value), uid: value },
      ownerReferences: fc.oneof(value, fc.array(fc.oneof(value, fc.record({ kind: value })))),
    });
    const spec = fc.oneof(value, fc.record({ holderIdentity: value }));
    fc.assert(
      fc.property(fc.record({ metadata: fc.oneof(metadata, value), spec }), (json) => {
        leaseRecord(json as never, 'n1');
      }),
    );
  });
});

describe('the record of the decision', () => {
  const DECIDED = { decidedBy: 'n1', decidedAt: '2026-01-01T00:00:00Z', reason: 'because' };

  test('is read back as it was written, with a change that is asked for', () => {
    const lengths = { ipv4: 24, ipv6: 64 };
    const next = { source: 'podCIDR', lengths: {}, askedBy: 'n2' } as const;
    const record = { source: 'lease', lengths, ...DECIDED, next, resourceVersion: '7' } as const;
    const rendered = renderRecord(record);
    assert.deepEqual(parseRecord(rendered as never), { kind: 'is', record });
  });

  for (const [data, problem] of [
    [{}, 'its key source is "", not podCIDR or lease'],
    [{ source: 'etcd' }, 'its key source is "etcd", not podCIDR or lease'],
    [{ source: 'lease', subnetLen: 'x' }, 'its key subnetLen is "x", not a prefix length'],
    [
      { source: 'lease', 'next.source': 'what' },
      'its key next.source is "what", not podCIDR or lease',
    ],
  ] as const) {
    test(`is malformed: ${problem}`, () => {
      assert.deepEqual(parseRecord({ data } as never), { kind: 'malformed', problem });
    });
  }

  test('of whatever form throws nothing', () => {
    fc.assert(fc.property(fc.jsonValue(), (data) => void parseRecord({ data } as never)));
  });
});
