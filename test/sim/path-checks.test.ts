// What the checks of paths blame an agent for, with three machines and routes by hand: for a way
// that it breaks, and not for one that led by a third node and was nobody's promise. And which ops
// need a cluster that is in sync.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { Link } from '../../src/state/kernel-state.ts';
import type { Op } from '../../src/state/op.ts';
import { egressLinkOf, MAIN_TABLE, OWN_METRIC, OWN_PROTOCOL } from '../../src/state/own.ts';
import { leadsToOthers } from './agent-process.ts';
import { Fabric } from './fabric.ts';
import { SimMachine, underlayAddresses } from './machine.ts';
import { NO_MUTATIONS } from './mutations.ts';
import { PathChecks } from './path-checks.ts';

const SUBNET_LENGTH_BITS = 28;
const subnetOf = (number: number): Ip => `10.244.0.${number * 16}` as Ip;
const cidrOf = (number: number): Cidr => `${subnetOf(number)}/${SUBNET_LENGTH_BITS}` as Cidr;

function machineOf(number: number, directory: string): SimMachine {
  const addresses = underlayAddresses(['ipv4'], 0, 10 + number);
  const names = { id: `m${number}`, nodeName: `node-${number}` };
  const machine = new SimMachine({ ...names, segment: 0, addresses, directory });
  machine.host.sysctls.set('ipv4/ip_forward', '1');
  const address = { address: subnetOf(number), lengthBits: 32, scope: 'global' } as const;
  const value = { ...address, link: 'lo', protocol: OWN_PROTOCOL };
  machine.touch({ verb: 'add', object: 'address', value });
  return machine;
}

/** By host-gw, to the subnet of the third machine. */
const routeBy = (verb: 'add' | 'remove', gateway: string): Op => ({
  verb,
  object: 'route',
  value: {
    ...{ destination: cidrOf(3), table: MAIN_TABLE, metric: OWN_METRIC, protocol: OWN_PROTOCOL },
    via: { kind: 'gateway', link: 'eth0', gateway: gateway as Ip, onlink: false },
  },
});

/** What is said when the first machine gives up its route by this gateway. */
function violationsOfRemoval(context: TestContext, gateway: string): readonly string[] {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-sim-paths-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const [first, second, third] = [1, 2, 3].map((number) => machineOf(number, directory));
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const machines = () => [first, second, third];
  const violations: string[] = [];
  const checks = new PathChecks({
    ...{ fabric: new Fabric(machines, NO_MUTATIONS), machines },
    excuse: () => undefined,
    excuseOfSize: () => undefined,
    subnetOf: (address) => `${address}/${SUBNET_LENGTH_BITS}` as Cidr,
    isUsed: () => true,
    isUndisturbed: () => true,
    onViolation: (text) => violations.push(text),
  });
  second.touch(routeBy('add', '192.168.100.13'));
  first.touch(routeBy('add', gateway));
  const removal = routeBy('remove', gateway);
  checks.before(first, removal);
  first.touch(removal);
  checks.after(first, removal);
  return violations;
}

describe('an agent that gives up a route', () => {
  test('to who holds the subnet is blamed', (context) => {
    const [violation, ...others] = violationsOfRemoval(context, '192.168.100.13');
    assert.match(violation ?? '', /^m1 breaks the way from m1 to m3 /);
    assert.deepEqual(others, []);
  });

  test('to who held it before, and passes packets on, is not', (context) => {
    assert.deepEqual(violationsOfRemoval(context, '192.168.100.12'), []);
  });
});

test('a device leads to others, and neither link of a pod does', () => {
  const removalOf = (name: string, kind: 'veth' | 'vxlan'): Op => ({
    verb: 'remove',
    object: 'link',
    value: { kind, name } as Link,
  });
  const hostLink = 'poplin6e53a079b';
  assert.ok(leadsToOthers(removalOf('poplin4-1', 'vxlan')));
  assert.ok(!leadsToOthers(removalOf(hostLink, 'veth')));
  assert.ok(!leadsToOthers(removalOf(egressLinkOf(hostLink), 'veth')));
});
