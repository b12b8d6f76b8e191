// A LeaseWorld on a real etcd: one server for all scenarios, a prefix of its own for each, and one
// relay for all machines, that can be cut.

import { systemClock } from '../../../src/lib/clock.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import { parseHolder } from '../../../src/source/etcd/holder.ts';
import { nodeNameOf, subnetKeyName } from '../../../src/source/etcd/keys.ts';
import type { Claim, LeaseWorld } from '../../conformance/source-leases.ts';
import { Relay } from '../../fake/relay.ts';
import type { EtcdServer } from './server.ts';
import { Operator, openEtcdSource } from './setting.ts';

let worlds = 0;

export async function leaseWorld(server: EtcdServer): Promise<LeaseWorld> {
  worlds += 1;
  const prefix = `/leases-${worlds}`;
  const relay = new Relay(server.port);
  await relay.open();
  const etcd = server.operator();
  const operator = new Operator(etcd, prefix);
  const keyOf = (network: string): string =>
    operator.layout.subnets + subnetKeyName([network as Cidr]);
  return {
    open: async (nodeName) => openEtcdSource({ endpoints: [relay.url], nodeName, prefix }),
    // etcd has no Node objects.
    register: async () => undefined,
    remove: (nodeName) => operator.revoke(nodeName),
    reserve: (network) => operator.put(keyOf(network), ''),
    unreserve: (network) => operator.delete(keyOf(network)),
    revoke: (nodeName) => operator.revoke(nodeName),
    occupy: async (subnet, nodeName) => {
      await operator.occupy(nodeName, [subnet]);
    },
    claims: () => claimsIn(operator),
    outage: (meanwhile) => relay.away(meanwhile),
    pass: (delayMs) => systemClock.sleep(delayMs),
    dispose: async () => {
      etcd.close();
      await relay.close();
    },
  };
}

async function claimsIn({ etcd, layout }: Operator): Promise<readonly Claim[]> {
  const holders = await etcd.getAll().prefix(layout.holders).strings();
  return Object.entries(holders).flatMap(([key, text]) => {
    const nodeName = nodeNameOf(key.slice(layout.holders.length)) ?? '';
    const { subnets = [], further = [] } = parseHolder(text) ?? {};
    return [...subnets, ...further].map((subnet) => ({ nodeName, subnet }));
  });
}
