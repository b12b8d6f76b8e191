// Routes to peers whose path takes less than both ends believe: bounded by what was found, also
// before the first probe of an agent that has just started, and by nothing that is not known.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Local } from '../../../src/desired/desired.ts';
import { desired } from '../../../src/desired/desired.ts';
import { underlayKeyOf } from '../../../src/desired/path-mtu.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Route } from '../../../src/state/kernel-state.ts';
import { keyOfRoute } from '../../../src/state/kernel-state.ts';
import { attachmentOf } from '../../fake/attachment.ts';
import { advertOf, clusterOf, configOf, nodeOf } from '../../fake/cluster.ts';
import { localOf, NETWORK, run, V4 } from '../../fake/desired.ts';

const CONFIG = configOf({ ...NETWORK, Backend: { Type: 'vxlan' } });
const KEY = 'uid-2 ipv4 poplin4-1 10.244.2.0';
const SUBNET = '10.244.2.0/24' as Cidr;

const inKernel = (mtuBytes: number, link = 'poplin4-1'): Local['routes'] => {
  const via = { kind: 'nexthop', link, gateway: '10.244.2.0' as Ip } as const;
  const route: Route = {
    ...{ destination: SUBNET, table: 254, metric: 16, protocol: 113, via, mtuBytes },
  };
  return new Map([[keyOfRoute(route), route]]);
};

function want(changes: Partial<Local>) {
  const { paths, state, probes } = run(CONFIG, [nodeOf(1), nodeOf(2)], localOf(changes));
  const route = state.routes.get(keyOfRoute({ destination: SUBNET, table: 254, metric: 16 }));
  return { mtu: paths[0]?.mtu, mtuBytes: route?.mtuBytes, probe: probes[0] };
}

test('the route to a peer is bounded by what probes have found, and `status` has both', () => {
  const underlayMtus = new Map([['uid-2 ipv4', 1400]]);
  const { mtu, mtuBytes, probe } = want({ underlayMtus, verdicts: new Map([[KEY, 'answers']]) });
  assert.equal(mtuBytes, 1350);
  assert.deepEqual(mtu, { foundBytes: 1350, believedBytes: 1450 });
  assert.deepEqual([probe?.fullBytes, probe?.overheadBytes], [1450, 50]);
  assert.equal(underlayKeyOf(probe?.key ?? ''), 'uid-2 ipv4');
});

test('what is no smaller than believed, and what is said of others, bounds nothing', () => {
  for (const [key, bytes] of [['uid-2 ipv4', 1500] as const, ['uid-3 ipv4', 1400] as const]) {
    const { mtu, mtuBytes } = want({ underlayMtus: new Map([[key, bytes]]) });
    assert.deepEqual([mtu, mtuBytes], [undefined, undefined]);
  }
});

test('before the first probe the bound that is in the kernel is kept', () => {
  const { mtu, mtuBytes, probe } = want({ routes: inKernel(1350), takesOver: true });
  assert.equal(mtuBytes, 1350);
  assert.equal(probe?.foundBytes, 1350);
  assert.deepEqual(mtu, { foundBytes: 1350, believedBytes: 1450 });
});

test('a bound in the kernel that probes contradict, or of another path, is not kept', () => {
  const answers = new Map([[KEY, 'answers' as const]]);
  assert.equal(
    want({ routes: inKernel(1350), verdicts: answers, takesOver: true }).mtuBytes,
    undefined,
  );
  assert.equal(want({ routes: inKernel(1350, 'poplin4-2'), takesOver: true }).mtuBytes, undefined);
});

test('a bound of our own, from what the peer said before, is no finding', () => {
  assert.equal(want({ routes: inKernel(1350) }).mtuBytes, undefined);
});

test('a node that has no address for a while receives what it told its peers', () => {
  const config = configOf({ Network: '10.244.0.0/16' });
  const nodes = [nodeOf(1, { advert: advertOf(1, { receiveMtuBytes: 9000 }) }), nodeOf(2)];
  const local = localOf({ underlays: [] });
  const { advert, podMtuBytes } = run(config, nodes, local);
  assert.equal(advert.receiveMtuBytes, 9000);
  assert.deepEqual(podMtuBytes, { link: 9000, route: 8950 });
  const { advert: _, ...silent } = nodeOf(1);
  assert.deepEqual(run(config, [silent, nodeOf(2)], local).podMtuBytes, {
    link: 1280,
    route: 1280,
  });
});

test('an MTU that is configured for larger links is no more than the own link takes', () => {
  const config = configOf({ ...NETWORK, Backend: { Type: 'vxlan', MTU: 9000 } });
  const large = run(config, [nodeOf(1), nodeOf(2)], localOf({}));
  const { state, podMtuBytes } = run(CONFIG, [nodeOf(1), nodeOf(2)], localOf({}));
  assert.deepEqual(large.state.links, state.links);
  assert.equal(large.podMtuBytes.route, podMtuBytes.route);
  assert.equal(podMtuBytes.route, 1450);
});

test('pods send no more than they do while only the disk remembers the cluster', () => {
  const attachments = [{ ...attachmentOf('c1', ['10.244.1.2' as Ip]), routeMtuBytes: 1430 }];
  const known = clusterOf([nodeOf(1), nodeOf(2)]);
  const routeBytes = (kind: 'synced' | 'remembered', mtuBytes: number): number => {
    const local = localOf({ attachments, underlays: [{ ...V4, mtuBytes }] });
    const input = { config: CONFIG, local };
    const { podMtuBytes } =
      kind === 'synced'
        ? desired({ ...input, cluster: known })
        : desired({ ...input, cluster: { ...known, kind } });
    return podMtuBytes.route;
  };
  assert.equal(routeBytes('synced', 9000), 8950);
  assert.equal(routeBytes('remembered', 9000), 1430);
  assert.equal(routeBytes('remembered', 1400), 1350);
});
