// Suite `leases`: the same as the second half of suite `memory`, in a cluster whose nodes have
// claimed their subnets: 5,000 Leases are listed, kept and watched beside 5,000 Nodes. The agent
// has no subnet at its start and claims one.

import { Cluster } from './cluster.ts';
import type { Measure } from './measure.ts';
import { emptyProcess, memoryMeasures, NODES, startMeasure, startWithMany } from './memory.ts';
import { peerNodeObject, subnetOf } from './node-objects.ts';
import type { SuiteContext } from './suite.ts';

const NAME = `${NODES}.leases`;

export async function leasesSuite({ stage, note }: SuiteContext): Promise<Measure[]> {
  note(`${NODES} nodes and as many Leases`);
  const cluster = await Cluster.create(stage, {
    ...{ nodeCount: 1, backend: 'vxlan', subnetSource: 'lease' },
  });
  const empty = await emptyProcess(stage, cluster);
  const numbers = Array.from({ length: NODES }, (_, index) => index + 1);
  const objects = numbers.map((number) => peerNodeObject(number, 'none'));
  await cluster.api.change({ verb: 'create', kind: 'nodes', objects });
  const claims = numbers.map((number) => ({
    nodeName: `peer-${number}`,
    subnet: subnetOf(number),
  }));
  await cluster.api.change({ verb: 'claim', claims });
  const { memory, readyMs, updates } = await startWithMany(cluster, NAME);
  return [
    ...memoryMeasures(`memory.${NAME}`, memory, empty.memory),
    startMeasure(`start.ready.${NAME}`, [readyMs], empty.startMs),
    ...updates,
  ];
}
