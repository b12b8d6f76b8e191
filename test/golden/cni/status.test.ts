// What STATUS says of a node that cannot start pods, in the words of the parts that know: verdict,
// claims, stock of subnets and probes. What the executable says without an agent is tested with it
// (test/system/cni/status.test.ts).

import { test } from 'node:test';
import type { Tracks } from '../../../src/agent/path-track.ts';
import { newTrack } from '../../../src/agent/path-track.ts';
import type { LastPass } from '../../../src/agent/reconciler.ts';
import type { SubnetStockParts } from '../../../src/agent/subnet-stock.ts';
import { SubnetStock } from '../../../src/agent/subnet-stock.ts';
import type { Seen } from '../../../src/agent/verdict.ts';
import { blockerOf, limitOf } from '../../../src/agent/verdict.ts';
import type { SubnetAuthority } from '../../../src/cluster/holding.ts';
import type { WhenFull } from '../../../src/cni/node-network.ts';
import type { PathProbe } from '../../../src/desired/probes.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import { fullText } from '../../../src/source/kubernetes/lease-candidates.ts';
import type { SourceHealth } from '../../../src/source/source.ts';
import { FakeClock } from '../../fake/clock.ts';
import { configOf } from '../../fake/cluster.ts';
import type { FakeCniNode } from '../../fake/cni-node.ts';
import { READY } from '../../fake/cni-node.ts';
import { matchGolden } from './golden.ts';
import type { Step } from './steps.ts';
import { runSteps } from './steps.ts';

const CONFIG = configOf({ Network: '10.244.0.0/16', MaxSubnetsPerNode: 2 });
const REFUSED = 'list nodes: connect ECONNREFUSED 10.0.0.1:6443';

type Words = { readonly health?: SourceHealth; readonly reason?: string };

/** Before anything was listed, or with a lease that says `reason`. */
function blocked({ health = { synced: true }, reason }: Words): (node: FakeCniNode) => void {
  const isListed = reason !== undefined;
  const seen = {
    nodeName: 'node1',
    cluster: { current: isListed ? { kind: 'synced' } : undefined, isOwnNodeMissing: false },
    config: { config: isListed ? CONFIG : undefined, problems: [] },
    lease: { reason, subnets: [] },
    outcome: { desired: { ownSubnets: [] } },
    source: health,
  } as unknown as Seen;
  return (node) => {
    node.readiness = { kind: 'not-ready', reason: blockerOf(seen) ?? 'nothing is wrong' };
  };
}

function full(authority: SubnetAuthority, noFurther = ''): (node: FakeCniNode) => void {
  // Without an address for pods.
  const subnets = (authority === 'etcd' ? ['10.244.1.0/31', '10.244.1.2/31'] : ['10.244.1.0/31']) as Cidr[];
  const parts = { config: { config: CONFIG }, leases: { view: { authority, subnets, noFurther } } };
  const clock = new FakeClock();
  const { whenFull } = new SubnetStock({ ...parts, clock } as unknown as SubnetStockParts);
  return (node) => withNetwork(node, subnets, whenFull);
}

function withNetwork(node: FakeCniNode, subnets: readonly Cidr[], whenFull: WhenFull): void {
  if (READY.kind === 'ready') {
    node.readiness = { kind: 'ready', network: { ...READY.network, subnets, whenFull } };
  }
}

function silent(node: FakeCniNode): void {
  const paths = ['node2', 'node3'].map((peer) => ({ peer, family: 'ipv4', used: 'vxlan' }));
  const tracks = new Map(
    paths.map(({ peer, family }) => {
      const probe = { peer, family, isMarked: false } as PathProbe;
      return [peer, { ...newTrack(probe, 0), verdict: 'silent' }];
    }),
  );
  const pass = { failures: [], desired: { paths } } as unknown as LastPass;
  const reason = limitOf(pass, tracks as unknown as Tracks) ?? 'nothing is wrong';
  if (READY.kind === 'ready') node.readiness = { ...READY, kind: 'degraded', reason };
}

const status = (title: string, prepare: (node: FakeCniNode) => void): Step => [
  title,
  'STATUS',
  {},
  prepare,
];

const STEPS: readonly Step[] = [
  status(
    'the datastore was never reached',
    blocked({ health: { synced: false, problem: REFUSED } }),
  ),
  status('and nothing is known of why', blocked({ health: { synced: false } })),
  status(
    'it was reached, and has no configuration',
    blocked({
      health: {
        ...{ synced: true, lastContactAgeSeconds: 1 },
        problem: 'there is no ConfigMap poplin/poplin-config',
      },
    }),
  ),
  status(
    'it was reached, and has not listed all',
    blocked({ health: { synced: false, lastContactAgeSeconds: 1 } }),
  ),
  status('no lease', blocked({ reason: fullText(CONFIG.families[0]) ?? '' })),
  status('no address left of a podCIDR', full('podCIDR')),
  status('no address left of as many subnets as there may be', full('etcd')),
  status('no address left, and no subnet', full('lease', fullText(CONFIG.families[0]))),
  status('no address left yet', full('lease')),
  status('no peer answers', silent),
];

test('what STATUS says of each reason not to start pods', async () => {
  matchGolden(new URL('status.txt', import.meta.url), await runSteps(STEPS));
});
