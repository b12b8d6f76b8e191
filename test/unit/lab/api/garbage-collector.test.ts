// The garbage collector with the delay that it has in a real cluster: what a client can see between
// a deletion and its consequences. What it does at all is in test/golden/api.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { startGarbageCollector } from '../../../../src/lab/api/garbage-collector.ts';
import { LEASES, NAMESPACES, NODES } from '../../../../src/lab/api/kinds.ts';
import { createObject, deleteObject } from '../../../../src/lab/api/operations.ts';
import { StatusError } from '../../../../src/lab/api/status.ts';
import { Store } from '../../../../src/lab/api/store.ts';
import { FakeClock } from '../../../fake/clock.ts';

const LEASE = { kind: LEASES, namespace: 'poplin' };

function start(context: TestContext) {
  const clock = new FakeClock();
  let uids = 0;
  const newUid = (): string => {
    uids += 1;
    return `uid-${uids}`;
  };
  const store = new Store({ clock, newUid, firstRevision: 1 });
  context.after(startGarbageCollector(store, { clock, delayMs: 100 }));
  createObject(store, { kind: NAMESPACES }, { metadata: { name: 'poplin' } });
  const { uid = '' } = createObject(store, { kind: NODES }, { metadata: { name: 'n' } }).object
    .metadata;
  const owned = (name: string, ownerUid = uid): void => {
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: ownerUid }];
    createObject(store, LEASE, { metadata: { name, ownerReferences } });
  };
  const exists = (name: string): boolean => store.get(LEASES, `poplin/${name}`) !== undefined;
  return { clock, store, owned, exists };
}

describe('a garbage collector that takes its time', () => {
  test('deletes dependents a moment after their owner', async (context) => {
    const { clock, store, owned, exists } = start(context);
    owned('a');
    await clock.advance(1000);
    deleteObject(store, { kind: NODES, name: 'n' });
    assert.ok(exists('a'));
    await clock.advance(100);
    assert.ok(!exists('a'));
  });

  test('deletes what never had its owner, and spares what has it again', async (context) => {
    const { clock, store, owned, exists } = start(context);
    owned('lost', 'none');
    owned('kept');
    assert.ok(exists('lost'));
    await clock.advance(100);
    assert.deepEqual([exists('lost'), exists('kept')], [false, true]);
    deleteObject(store, { kind: NODES, name: 'n' }, { propagation: 'Orphan' });
    await clock.advance(100);
    assert.equal(store.get(NODES, 'n'), undefined);
    await clock.advance(1000);
    assert.ok(exists('kept'));
  });

  test('lets nothing into a namespace that goes', async (context) => {
    const { clock, store, owned } = start(context);
    deleteObject(store, { kind: NAMESPACES, name: 'poplin' });
    assert.throws(
      () => owned('late'),
      (error: unknown) => error instanceof StatusError && error.body.code === 403,
    );
    await clock.advance(100);
    assert.equal(store.get(NAMESPACES, 'poplin'), undefined);
  });
});
