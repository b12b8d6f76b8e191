// A SourceWorld on a real etcd: one server for all scenarios, a prefix of its own for each, and a
// relay in between that can be cut.

import { renderAdvert } from '../../../src/cluster/advert.ts';
import type { EtcdApi } from '../../../src/source/etcd/api.ts';
import { keysOfNode } from '../../../src/source/etcd/table.ts';
import type { SourceWorld } from '../../conformance/source.ts';
import { advertOf } from '../../fake/cluster.ts';
import { Relay } from '../../fake/relay.ts';
import type { EtcdServer } from './server.ts';
import { Operator, openEtcdSource } from './setting.ts';

const OWN_NAME = 'self';
/** As the adverts of the suite have it. */
const OWN_MACHINE = 'machine-1';

let worlds = 0;

export async function sourceWorld(server: EtcdServer): Promise<SourceWorld> {
  worlds += 1;
  const prefix = `/source-${worlds}`;
  const relay = new Relay(server.port);
  await relay.open();
  const etcd = server.operator();
  const operator = new Operator(etcd, prefix);
  let writes = 0;
  const wrap = (api: EtcdApi): EtcdApi => {
    const transact = api.transact.bind(api);
    api.transact = (transaction, stop) => {
      writes += 1;
      return transact(transaction, stop);
    };
    return api;
  };
  const endpoints = [relay.url];
  const source = openEtcdSource({ endpoints, nodeName: OWN_NAME, prefix, wrap });
  return {
    ...{ source, ownName: OWN_NAME, writes: () => writes },
    ...clusterOf(operator),
    cut: async () => relay.cut(),
    outage: (meanwhile) => relay.away(meanwhile),
    forgetHistory: (meanwhile) =>
      relay.away(async () => {
        await meanwhile();
        await operator.compact();
      }),
    dispose: async () => {
      etcd.close();
      await relay.close();
    },
  };
}

function clusterOf(operator: Operator) {
  const { layout } = operator;
  return {
    /** A node without a subnet is known by its advert alone. */
    putNode: async ({ name, subnets }: Parameters<SourceWorld['putNode']>[0]) => {
      const machine = name === OWN_NAME ? OWN_MACHINE : name;
      if (subnets.length > 0) await operator.occupy(name, subnets, machine);
      else await operator.put(keysOfNode(layout, name).advert, renderAdvert(advertOf(9)));
    },
    deleteNode: async (name: string) => {
      await operator.revoke(name);
      await operator.delete(keysOfNode(layout, name).advert);
    },
    putConfig: (text: string) => operator.put(layout.config, text),
    deleteConfig: () => operator.delete(layout.config),
    published: async (name: string): Promise<Readonly<Record<string, string>>> => {
      const advert = await operator.get(keysOfNode(layout, name).advert);
      return advert === undefined ? {} : { advert };
    },
  };
}
