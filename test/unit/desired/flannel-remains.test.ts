// Which devices are Flannel's and may be ours, by what the configuration and the Node say.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import { adoptionsIn, oldBridgeIn } from '../../../src/desired/flannel-remains.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import type { Address, Link, VxlanLink } from '../../../src/state/kernel-state.ts';
import { keyOfAddress } from '../../../src/state/kernel-state.ts';
import { configFrom } from '../../fake/config-from.ts';

const MAC = '6e:00:00:00:00:01' as Mac;
const COMMON = { up: true, mtuBytes: 1450, group: 0, alias: '', mac: MAC } as const;

const device = (change: Partial<VxlanLink>): VxlanLink => ({
  ...{ ...COMMON, kind: 'vxlan', name: 'flannel.1', vni: 1, portNumber: 8472 },
  ...{ local: '192.168.1.1' as Ip, underlay: 'eth0', learning: false, gbp: false },
  ...{ udpChecksum: true, ...change },
});

const linksOf = (...links: Link[]): Map<string, Link> =>
  new Map(links.map((link) => [link.name, link]));

const config = (backend: Readonly<Record<string, unknown>>) =>
  configFrom({ Network: '10.244.0.0/16', Backend: backend });

const named = (mac: Mac): ClusterNode => ({
  ...{ name: 'node-1', uid: '', createdAt: '', subnets: [], internalIps: [], problems: [] },
  flannel: {
    ...{ backendType: 'vxlan', publicIps: [] },
    vxlan: [{ publicIp: '192.168.1.1' as Ip, vni: 1, mac }],
  },
});

const renamed = (...words: Parameters<typeof adoptionsIn>): readonly string[] =>
  adoptionsIn(...words).map(({ from, to }) => `${from} ${to}`);

describe('a device of Flannel', () => {
  const both = linksOf(
    device({}),
    device({ name: 'flannel-v6.1', local: 'fd00::1' as Ip, mtuBytes: 1430 }),
  );

  test('of our VNI and port is ours, in each family by our name for it', () => {
    assert.deepEqual(renamed(both, config({ Type: 'vxlan' }), undefined), [
      ...['flannel.1 poplin4-1', 'flannel-v6.1 poplin6-1'],
    ]);
    const [, second] = adoptionsIn(both, config({ Type: 'vxlan' }), undefined);
    assert.match(second?.alias ?? '', / over eth0, adopted from flannel-v6\.1 of MTU 1430$/);
    const large = linksOf(device({ name: 'flannel.4096', vni: 4096 }));
    const backend = config({ Type: 'vxlan', VNI: 4096 });
    assert.deepEqual(renamed(large, backend, undefined), ['flannel.4096 poplin4-1000']);
  });

  test('of another one is left, and so is what only has the name', () => {
    for (const backend of [{ VNI: 2 }, { Port: 4789 }]) {
      assert.deepEqual(renamed(both, config({ Type: 'vxlan', ...backend }), undefined), []);
    }
    const others = [device({ name: 'flannel.2' }), device({ name: 'flannel.1x' })];
    const veth: Link = { ...COMMON, kind: 'veth', name: 'flannel.1' };
    for (const link of [...others, veth]) {
      assert.deepEqual(renamed(linksOf(link), config({ Type: 'vxlan' }), undefined), []);
    }
  });

  test('is left where ours is there already', () => {
    const links = linksOf(device({}), device({ name: 'poplin4-1', portNumber: 4789 }));
    assert.deepEqual(renamed(links, config({ Type: 'vxlan' }), undefined), []);
  });

  test('is ours on a node of host-gw when its own annotations name it', () => {
    const [hostGw, links] = [config({ Type: 'host-gw' }), linksOf(device({}))];
    assert.deepEqual(renamed(links, hostGw, named(MAC)), ['flannel.1 poplin4-1']);
    assert.deepEqual(renamed(links, hostGw, named('6e:00:00:00:00:02' as Mac)), []);
    assert.deepEqual(renamed(links, hostGw, undefined), []);
  });
});

describe('the bridge of Flannel', () => {
  const bridge: Link = { ...COMMON, kind: 'other', driver: 'bridge', name: 'cni0' };
  const pod: Link = { ...COMMON, kind: 'veth', name: 'veth1', master: 'cni0' };
  const other: Link = { ...COMMON, kind: 'veth', name: 'veth2', master: 'docker0' };
  const own = ['10.244.1.0/24', 'fd00:244:0:1::/64'] as Cidr[];

  function found(link: Link, ...addresses: readonly (readonly [string, number])[]) {
    const entries = addresses.map(([address, lengthBits]): Address => {
      const rest = { lengthBits, scope: 'global', protocol: 0 } as const;
      return { link: link.name, address: address as Ip, ...rest };
    });
    const map = new Map(entries.map((entry) => [keyOfAddress(entry), entry]));
    return oldBridgeIn({ links: linksOf(link, pod, other), addresses: map }, own);
  }

  test('has the first address of an own subnet, in each family', () => {
    assert.deepEqual(found(bridge, ['10.244.1.1', 24], ['fd00:244:0:1::1', 64]), {
      ...{ link: 'cni0', subnets: own, ports: ['veth1'] },
    });
  });

  test('is not what has another address, name or driver, or is down', () => {
    assert.equal(found(bridge, ['10.244.2.1', 24]), undefined);
    assert.equal(found(bridge, ['10.244.1.2', 24]), undefined);
    assert.equal(found(bridge, ['10.244.1.1', 16]), undefined);
    assert.equal(found({ ...bridge, up: false }, ['10.244.1.1', 24]), undefined);
    assert.equal(found({ ...bridge, name: 'docker0' }, ['10.244.1.1', 24]), undefined);
    assert.equal(found({ ...COMMON, kind: 'veth', name: 'cni0' }, ['10.244.1.1', 24]), undefined);
  });
});
