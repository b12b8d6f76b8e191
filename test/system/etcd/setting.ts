// What the tests of etcd share: sources that follow a server fast enough for a test, and the keys
// that an operator, another node or a Flannel node would write.

import type { Etcd3 } from 'etcd3';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Log } from '../../../src/lib/log.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { EtcdApi } from '../../../src/source/etcd/api.ts';
import type { EtcdConnectionOptions } from '../../../src/source/etcd/connection.ts';
import { EtcdConnection } from '../../../src/source/etcd/connection.ts';
import { renderHolder } from '../../../src/source/etcd/holder.ts';
import type { KeyLayout } from '../../../src/source/etcd/keys.ts';
import { keyLayout, subnetKeyName } from '../../../src/source/etcd/keys.ts';
import type { EtcdSourceOptions } from '../../../src/source/etcd/source.ts';
import { EtcdSource } from '../../../src/source/etcd/source.ts';
import { keysOfNode } from '../../../src/source/etcd/table.ts';

export type SourceSettings = {
  readonly endpoints: readonly string[];
  readonly nodeName: string;
  readonly prefix: string;
  readonly addresses?: readonly string[];
  readonly log?: Log;
  readonly wrap?: (api: EtcdApi) => EtcdApi;
  readonly connection?: Partial<EtcdConnectionOptions>;
  readonly source?: Partial<EtcdSourceOptions>;
};

export function openEtcdSource(settings: SourceSettings): EtcdSource {
  const { endpoints, nodeName, prefix, addresses = ['192.168.7.1'], log = silentLog } = settings;
  const connection = new EtcdConnection({
    endpoints,
    credentials: () => ({}),
    clock: systemClock,
    pageSize: 2,
    ...settings.connection,
  });
  const api = settings.wrap?.(connection) ?? connection;
  return new EtcdSource({
    ...{ api, clock: systemClock, log, random: Math.random, nodeName, prefix },
    addresses: addresses as readonly Ip[],
    timing: { probeIntervalMs: 200, backoff: { baseMs: 10, capMs: 100 } },
    ...settings.source,
  });
}

/** Keys as other programs write them. */
export class Operator {
  readonly etcd: Etcd3;
  readonly layout: KeyLayout;

  constructor(etcd: Etcd3, prefix: string) {
    this.etcd = etcd;
    this.layout = keyLayout(prefix);
  }

  async grant(ttlSeconds = 3_600): Promise<string> {
    return (await this.etcd.leaseClient.leaseGrant({ TTL: ttlSeconds })).ID;
  }

  async put(key: string, value: string, lease = '0'): Promise<void> {
    await this.etcd.kv.put({ key: Buffer.from(key), value: Buffer.from(value), lease });
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.etcd.get(key).string()) ?? undefined;
  }

  async delete(key: string): Promise<void> {
    await this.etcd.delete().key(key);
  }

  async revision(): Promise<number> {
    const { header } = await this.etcd.kv.range({ key: Buffer.from('none') });
    return Number(header.revision);
  }

  /** What was known of past changes is forgotten. */
  async compact(): Promise<void> {
    await this.etcd.kv.compact({ revision: await this.revision(), physical: true });
  }

  /** A Poplin node with this subnet, as it would have written itself. */
  async occupy(nodeName: string, subnets: readonly string[], machine = nodeName): Promise<string> {
    const lease = await this.grant();
    const cidrs = subnets as readonly Cidr[];
    const value = '{"PublicIP":"192.168.9.9","PublicIPv6":null,"BackendType":"alloc"}';
    await this.put(this.layout.subnets + subnetKeyName(cidrs), value, lease);
    const holder = renderHolder({ machine, subnets: cidrs, further: [], addresses: [] });
    await this.put(keysOfNode(this.layout, nodeName).holder, holder, lease);
    return lease;
  }

  /** The lease that a node's keys are bound to. */
  async leaseOf(nodeName: string): Promise<string | undefined> {
    const key = Buffer.from(keysOfNode(this.layout, nodeName).holder);
    const { kvs } = await this.etcd.kv.range({ key });
    return kvs[0]?.lease;
  }

  /** The operator's word that a machine is gone. */
  async revoke(nodeName: string): Promise<void> {
    const lease = await this.leaseOf(nodeName);
    if (lease !== undefined) await this.etcd.leaseClient.leaseRevoke({ ID: lease });
  }
}
