// What a remembered cluster may change: peers' objects are added and nothing else; what the node's
// own right to subnets decides is brought up to date, removals among it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import { diffRemembered } from '../../../src/state/diff.ts';
import type { Address, FdbEntry, KernelState, Route } from '../../../src/state/kernel-state.ts';
import {
  EMPTY_STATE,
  keyOfAddress,
  keyOfFdbEntry,
  keyOfRoute,
} from '../../../src/state/kernel-state.ts';
import { order } from '../../../src/state/order.ts';
import { ownedPart } from '../../../src/state/own.ts';
import { printOp } from '../../../src/state/print.ts';

const NETWORK = '10.244.0.0/16' as Cidr;
const COMMON = { table: 254, metric: 16, protocol: 113 } as const;
const routeVia = (destination: string, via: Route['via'], more: Partial<Route> = {}): Route => ({
  ...{ ...COMMON, destination: destination as Cidr, via },
  ...more,
});
const PEER = routeVia('10.244.2.0/24', {
  kind: 'gateway',
  link: 'eth0',
  gateway: '192.168.1.2' as Ip,
  onlink: false,
});
const POD = routeVia('10.244.1.5/32', { kind: 'link', link: 'poplin0a1b2c3d4' });
const SUBNET = routeVia('10.244.1.0/24', { kind: 'unreachable' });
const ADDRESS: Address = {
  ...{ link: 'lo', address: '10.244.1.0' as Ip, lengthBits: 32, scope: 'global', protocol: 113 },
};
const GATEWAY: Address = { ...ADDRESS, link: 'poplin0a1b2c3d4', address: '169.254.1.1' as Ip };
const FDB: FdbEntry = {
  link: 'poplin4-1',
  mac: '02:00:00:00:00:02' as Mac,
  remote: '192.168.1.2' as Ip,
};

type Parts = {
  readonly routes?: readonly Route[];
  readonly addresses?: readonly Address[];
  readonly fdb?: readonly FdbEntry[];
};

const stateOf = ({ routes = [], addresses = [], fdb = [] }: Parts): KernelState => ({
  ...EMPTY_STATE,
  routes: new Map(routes.map((route) => [keyOfRoute(route), route])),
  addresses: new Map(addresses.map((address) => [keyOfAddress(address), address])),
  fdb: new Map(fdb.map((entry) => [keyOfFdbEntry(entry), entry])),
});

function check(desired: Parts, actual: Parts, expected: readonly string[]): void {
  const state = stateOf(actual);
  const wanted = { ...stateOf(desired), knowledge: 'remembered' } as const;
  const ops = diffRemembered(wanted, state, ownedPart(state, [NETWORK]));
  assert.deepEqual(
    order(ops).map((op) => printOp(op).split(' ').slice(0, 3).join(' ')),
    expected,
  );
}

const OWN: Parts = { routes: [SUBNET, POD], addresses: [ADDRESS, GATEWAY] };

describe('a remembered cluster', () => {
  test('adds what is missing', () =>
    check({ routes: [PEER, SUBNET], addresses: [ADDRESS], fdb: [FDB] }, {}, [
      'address add 10.244.1.0/32',
      'fdb add 02:00:00:00:00:02',
      'route add 10.244.2.0/24',
      'route add unreachable',
    ]));

  test('neither removes nor changes what leads to peers', () => {
    const moved = routeVia('10.244.2.0/24', {
      kind: 'gateway',
      link: 'eth0',
      gateway: '192.168.1.9' as Ip,
      onlink: false,
    });
    const actual = { routes: [moved], fdb: [{ ...FDB, remote: '192.168.1.9' as Ip }] };
    check({ routes: [PEER], fdb: [FDB] }, actual, []);
    check({}, { routes: [PEER], fdb: [FDB] }, []);
  });

  test('is no reason to go on with a subnet that is not held any more', () =>
    check({ addresses: [GATEWAY] }, OWN, [
      'route remove unreachable',
      'route remove 10.244.1.5/32',
      'address remove 10.244.1.0/32',
    ]));

  test('brings the routes to own pods up to date', () => {
    const source = '10.244.1.0' as Ip;
    check({ ...OWN, routes: [SUBNET, { ...POD, source }] }, OWN, ['route change 10.244.1.5/32']);
  });

  test('leaves alone what is not ours', () => {
    const foreign = { ...SUBNET, protocol: 4 };
    check({}, { routes: [foreign], addresses: [{ ...ADDRESS, link: 'eth0' }] }, []);
  });
});
