// Several whole agents over one datastore and one clock in memory.

import type { Ip } from '../../src/net/ip.ts';
import { FakeAgent } from './agent.ts';
import { FakeClock } from './clock.ts';
import type { FakeSource } from './source.ts';
import { FakeDatastore } from './source.ts';

export class FakeCluster implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly store: FakeDatastore;
  readonly agents: FakeAgent[] = [];
  readonly sources: FakeSource[] = [];

  constructor(config: Readonly<Record<string, unknown>>, rightMs?: number) {
    const { clock } = this;
    this.store = new FakeDatastore({ clock, ...(rightMs === undefined ? {} : { rightMs }) });
    this.store.putConfig(config);
  }

  /** Node `number`, with an agent that runs. */
  async add(number: number): Promise<FakeAgent> {
    const nodeName = `node-${number}`;
    const address = `192.168.1.${number}` as Ip;
    this.store.putNode({ name: nodeName, internalIps: [address] });
    const source = (): FakeSource => {
      const made = this.store.source(nodeName);
      this.sources[number] = made;
      return made;
    };
    const agent = new FakeAgent({ nodeName, address, clock: this.clock, source });
    this.agents.push(agent);
    agent.start();
    await this.settle();
    return agent;
  }

  async settle(): Promise<void> {
    for (let count = 0; count < 40; count += 1) await this.clock.advance(100);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.agents) await agent[Symbol.asyncDispose]();
  }
}
