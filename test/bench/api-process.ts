// The embedded Kubernetes API as a process of its own, started inside a network namespace: its work
// must not hold up whoever measures. It takes its objects over the channel of its parent
// (api.ts); agents talk HTTP to it. It ends with its parent.

import { CONFIG_MAPS, LEASES, NODES } from '../../src/lab/api/kinds.ts';
import { createObject, deleteObject, patchObject } from '../../src/lab/api/operations.ts';
import { mergePatch } from '../../src/lab/api/patch.ts';
import { startApiServer } from '../../src/lab/api/server.ts';
import type { Store } from '../../src/lab/api/store.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { newLease } from '../../src/source/kubernetes/lease-record.ts';

export type ApiChange =
  | {
      readonly verb: 'create';
      readonly kind: 'nodes' | 'configmaps';
      readonly objects: readonly unknown[];
    }
  | {
      readonly verb: 'merge';
      readonly kind: 'nodes' | 'configmaps';
      readonly name: string;
      readonly patch: unknown;
    }
  | { readonly verb: 'delete'; readonly kind: 'nodes'; readonly name: string }
  /** Leases of subnets, owned by these Nodes. */
  | {
      readonly verb: 'claim';
      readonly claims: readonly { readonly nodeName: string; readonly subnet: Cidr }[];
    };

export type ApiMessage = { readonly id: number; readonly change: ApiChange };
/** `atNs`: CLOCK_MONOTONIC right before the change, as decimal text. */
export type ApiAnswer = { readonly id: number; readonly atNs: string; readonly error?: string };

const NAMESPACE = 'poplin';

function apply(store: Store, change: ApiChange): void {
  if (change.verb === 'claim') {
    for (const { nodeName, subnet } of change.claims) {
      const nodeUid = store.get(NODES, nodeName)?.object.metadata.uid ?? '';
      const claimant = { nodeName, nodeUid, machine: `machine of ${nodeName}` };
      const lease = newLease({ subnet, isFurther: false }, claimant);
      createObject(store, { kind: LEASES, namespace: NAMESPACE }, lease);
    }
    return;
  }
  const kind = change.kind === 'nodes' ? NODES : CONFIG_MAPS;
  const place = { kind, ...(change.kind === 'nodes' ? {} : { namespace: NAMESPACE }) };
  switch (change.verb) {
    case 'create':
      for (const object of change.objects) createObject(store, place, object);
      return;
    case 'merge':
      patchObject(store, { ...place, name: change.name }, (current) =>
        mergePatch(current, change.patch),
      );
      return;
    case 'delete':
      deleteObject(store, { ...place, name: change.name }, {});
  }
}

const server = await startApiServer({
  listeners: [{ host: process.argv[2] ?? '', port: Number(process.argv[3]) }],
  clock: systemClock,
  log: silentLog,
  namespaces: [NAMESPACE],
});
process.on('disconnect', () => process.exit(0));
process.on('message', ({ id, change }: ApiMessage) => {
  const atNs = String(process.hrtime.bigint());
  try {
    apply(server.store, change);
    process.send?.({ id, atNs } satisfies ApiAnswer);
  } catch (error) {
    process.send?.({ id, atNs, error: String(error) } satisfies ApiAnswer);
  }
});
process.send?.({ id: 0, atNs: '0' } satisfies ApiAnswer);
