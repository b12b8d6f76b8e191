// An agent that starts on a node as Flannel leaves it: what it takes over, keeps and removes, and
// when; and how a node goes back.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { flannelReturn } from '../../../src/cleanup/flannel-traces.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import type { Link, Route, VxlanLink } from '../../../src/state/kernel-state.ts';
import { keyOfAddress, keyOfRoute } from '../../../src/state/kernel-state.ts';
import { OWN_PROTOCOL, ownsLink, PROBE_TABLE } from '../../../src/state/own.ts';
import { printOp } from '../../../src/state/print.ts';
import type { FakeAgent } from '../../fake/agent.ts';
import { FakeCluster } from '../../fake/agent-cluster.ts';
import { FakeKernel } from '../../fake/kernel.ts';

const CONFIG = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } };
const OLD_MAC = '6e:00:00:00:00:01' as Mac;
const COMMON = { up: true, mtuBytes: 1450, group: 0, alias: '' } as const;

const DEVICE: VxlanLink = {
  ...{ ...COMMON, kind: 'vxlan', name: 'flannel.1', mac: OLD_MAC, vni: 1, portNumber: 8472 },
  ...{ local: '192.168.1.1' as Ip, underlay: 'eth0', learning: false, gbp: false },
  udpChecksum: true,
};
const BRIDGE: Link = {
  ...{ ...COMMON, kind: 'other', driver: 'bridge', name: 'cni0', mac: OLD_MAC },
};
const POD: Link = { ...COMMON, kind: 'veth', name: 'veth1', mac: OLD_MAC, master: 'cni0' };

function putAddress(agent: FakeAgent, link: string, [address, lengthBits]: [string, number]): void {
  const value = { link, address: address as Ip, lengthBits, scope: 'global', protocol: 0 } as const;
  agent.namespace.addresses.set(keyOfAddress(value), value);
}

function putRoute(agent: FakeAgent, destination: string, [gateway, link]: [string, string]): void {
  const route: Route = {
    ...{ destination: destination as Cidr, table: 254, metric: 0, protocol: 3 },
    via: { kind: 'gateway', link, gateway: gateway as Ip, onlink: link !== 'eth0' },
  };
  agent.namespace.routes.set(keyOfRoute(route), route);
}

type World = { readonly cluster: FakeCluster; readonly agent: FakeAgent; readonly peer: Cidr };

const subnetOf = (agent: FakeAgent): Cidr =>
  agent.agent.status().lease.subnets[0] ?? assert.fail('no subnet');

/** Its agent does not run yet. */
async function withFlannel(body: (world: World) => Promise<void>, device = DEVICE): Promise<void> {
  await using cluster = new FakeCluster(CONFIG);
  const agent = await cluster.add(1);
  const other = await cluster.add(2);
  const [own, peer] = [subnetOf(agent), subnetOf(other)];
  await agent.reboot();
  const { links } = agent.namespace;
  for (const link of [device, BRIDGE, POD]) links.set(link.name, link);
  putAddress(agent, device.name, [own.replace('/24', ''), 32]);
  putAddress(agent, 'cni0', [own.replace('0/24', '1'), 24]);
  putRoute(agent, peer, [peer.replace('/24', ''), device.name]);
  await body({ cluster, agent, peer });
}

const routesOfFlannel = ({ namespace }: FakeAgent): string[] =>
  [...namespace.routes.values()]
    .filter(({ protocol }) => protocol === 3)
    .map(({ destination }) => destination);

describe('an agent on a node of Flannel', () => {
  test('takes the device over as it is, and the routes', async () => {
    await withFlannel(async ({ cluster, agent }) => {
      agent.start();
      await cluster.settle();
      const { links, addresses } = agent.namespace;
      const alias = 'poplin VXLAN over eth0, adopted from flannel.1 of MTU 1450';
      assert.deepEqual(links.get('poplin4-1'), { ...DEVICE, name: 'poplin4-1', alias });
      assert.equal(links.has('flannel.1'), false);
      assert.deepEqual(routesOfFlannel(agent), []);
      const kept = [...addresses.values()].filter(({ link }) => link === 'poplin4-1');
      assert.equal(kept.length, 1, 'with the last address its routes would go');
      const status = agent.agent.status();
      assert.equal(status.ready, true);
      assert.deepEqual(status.flannel, {
        ...{ devices: [{ name: 'poplin4-1', from: 'flannel.1' }], bridge: 'cni0', pods: 1 },
      });
      const advert = cluster.store.nodes.get('node-1')?.advert;
      assert.equal(advert?.receives.vxlan[0]?.mac, OLD_MAC, 'by which all know it');
    });
  });

  test('keeps it so after a restart, and makes its own after a reboot', async () => {
    await withFlannel(async ({ cluster, agent }) => {
      agent.start();
      await cluster.settle();
      await agent.end();
      agent.start();
      await cluster.settle();
      const before = agent.namespace.links.get('poplin4-1');
      assert.ok(before?.kind === 'vxlan' && before.udpChecksum && before.mac === OLD_MAC);
      await agent.reboot();
      agent.start();
      await cluster.settle();
      const after = agent.namespace.links.get('poplin4-1');
      assert.ok(after?.kind === 'vxlan' && !after.udpChecksum && after.mac !== OLD_MAC);
      assert.equal(agent.agent.status().flannel, undefined);
    });
  });

  test('leaves a device of another VNI or port alone', async () => {
    const other = { ...DEVICE, portNumber: 4789 };
    await withFlannel(async ({ cluster, agent, peer }) => {
      agent.start();
      await cluster.settle();
      assert.ok(agent.namespace.links.has('flannel.1'));
      assert.deepEqual(routesOfFlannel(agent), [peer], 'over a device that is not ours');
    }, other);
  });

  test('removes routes of Flannel only where ours are, or nobody is', async () => {
    await withFlannel(async ({ cluster, agent, peer }) => {
      agent.namespace.routes.clear();
      putRoute(agent, '10.244.77.0/24', ['10.244.77.0', 'flannel.1']);
      putRoute(agent, peer, ['192.168.1.2', 'eth0']);
      putRoute(agent, '10.244.78.0/24', ['192.168.1.99', 'eth0']);
      putRoute(agent, '203.0.113.0/24', ['192.168.1.2', 'eth0']);
      agent.start();
      await cluster.settle();
      assert.deepEqual(routesOfFlannel(agent), ['10.244.78.0/24', '203.0.113.0/24']);
    });
  });

  test('answers on the bridge, and leaves the rest of the subnet to it', async () => {
    await withFlannel(async ({ cluster, agent }) => {
      agent.namespace.sysctls.set('ipv4/conf/cni0/proxy_arp', '0');
      agent.namespace.sysctls.set('ipv4/neigh/cni0/proxy_delay', '80');
      agent.start();
      await cluster.settle();
      const { sysctls, routes } = agent.namespace;
      assert.equal(sysctls.get('ipv4/conf/cni0/proxy_arp'), '1');
      assert.equal(sysctls.get('ipv4/neigh/cni0/proxy_delay'), '0');
      const own = routes.get(`254 ${subnetOf(agent)} 16`);
      assert.deepEqual(own?.via, { kind: 'link', link: 'cni0' });
      assert.equal(own?.protocol, OWN_PROTOCOL);
    });
  });

  test('removes the bridge some seconds after its last pod', async () => {
    await withFlannel(async ({ cluster, agent }) => {
      agent.flannelEnds = 0;
      agent.start();
      await cluster.settle();
      assert.equal(agent.flannelEnds, 0);
      await agent.end();
      agent.namespace.links.delete('veth1');
      agent.start();
      await cluster.clock.advance(1_000);
      assert.ok(agent.namespace.links.has('cni0'), 'a pod may be about to come');
      for (let count = 0; count < 80; count += 1) await cluster.clock.advance(100);
      assert.equal(agent.namespace.links.has('cni0'), false);
      assert.equal(agent.flannelEnds, 1);
      assert.deepEqual(agent.namespace.routes.get(`254 ${subnetOf(agent)} 16`)?.via, {
        kind: 'unreachable',
      });
    });
  });

  test('that has moved can go back: all of it is there before ours goes', async () => {
    await withFlannel(async ({ cluster, agent, peer }) => {
      agent.start();
      await cluster.settle();
      await agent.end();
      const scope = { sysctls: [], routeProtocol: OWN_PROTOCOL, rulePriority: PROBE_TABLE };
      const kernel = new FakeKernel(agent.namespace);
      const back = flannelReturn(kernel.read({ ...scope, nft: true, ownsLink }));
      assert.deepEqual(back?.renames, [{ from: 'poplin4-1', to: 'flannel.1', alias: '' }]);
      assert.deepEqual(await kernel.apply(back.first), [], back.first.map(printOp).join('\n'));
      assert.deepEqual(routesOfFlannel(agent), [peer]);
      for (const rename of back.renames) kernel.renameLink(rename);
      assert.deepEqual(agent.namespace.links.get('flannel.1'), DEVICE);
    });
  });
});
