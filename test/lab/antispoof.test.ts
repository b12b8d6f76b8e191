// A pod that sends with an address that is not its own reaches nobody: not its neighbours, not
// other nodes, not the world outside, and not the node that it is on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Family } from '../../src/net/family.ts';
import { FAMILIES } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { TestLab } from './lab.ts';
import { withLab } from './lab.ts';

const SPOOFER = 'node1-pod1';
const PINGS = 3;

/** No prober of paths sends requests of this size: only the pod's own are counted. */
const PAYLOAD_BYTES = 777;
const COUNTER_TABLE = 'inet spoofed_requests';

/** Counts, in each place, the pod's requests of both families that have passed every other rule. */
function countRequests(lab: TestLab, places: readonly string[]): void {
  const ipv4LengthBytes = 20 + 8 + PAYLOAD_BYTES;
  const ipv6LengthBytes = 40 + 8 + PAYLOAD_BYTES;
  const chain = `
    counter v4 {} ; counter v6 {} ;
    chain input {
      type filter hook input priority 1000;
      icmp type echo-request meta length ${ipv4LengthBytes} counter name v4
      icmpv6 type echo-request meta length ${ipv6LengthBytes} counter name v6
    }`;
  for (const place of places) {
    lab.runArgv(place, ['nft', `table ${COUNTER_TABLE} {${chain}\n}`]);
  }
}

/** The pod's echo requests that a place has received since they are counted. */
function requestsAt(lab: TestLab, place: string, family: Family): number {
  const counter = lab.run(
    place,
    `nft list counter ${COUNTER_TABLE} ${family === 'ipv4' ? 'v4' : 'v6'}`,
  );
  return Number(/packets (\d+)/.exec(counter)?.[1] ?? assert.fail(counter));
}

type Target = { readonly place: string; readonly address: Ip };

const targetsOf = ({ plan }: TestLab, family: Family, pods: readonly Target[]): Target[] => {
  const ofFamily = (place: string, addresses: readonly Ip[]): Target[] =>
    addresses.filter((ip) => familyOf(ip) === family).map((address) => ({ place, address }));
  return [
    ...pods,
    ...plan.nodes.flatMap(({ name, addresses }) => ofFamily(name, addresses)),
    ...ofFamily('outside', plan.outside.addresses),
  ];
};

function ping(lab: TestLab, source: string, target: Ip): void {
  try {
    lab.run(
      SPOOFER,
      `ping -n -c ${PINGS} -s ${PAYLOAD_BYTES} -i 0.01 -W 0.1 -I ${source} ${target}`,
    );
  } catch {
    // No answer: what was received is counted by the receiver.
  }
}

/** How many requests each target has received while `source` was pinging all of them. */
function received(lab: TestLab, source: string, targets: readonly Target[]): number[] {
  return targets.map(({ place, address }) => {
    const family = familyOf(address);
    const before = requestsAt(lab, place, family);
    ping(lab, source, address);
    return requestsAt(lab, place, family) - before;
  });
}

test('a pod reaches nobody with an address that is not its own', async () => {
  await withLab({ families: FAMILIES, nodeCount: 2, podsPerNode: 2 }, async (lab) => {
    countRequests(lab, ['node1', 'node2', 'outside', 'node1-pod2', 'node2-pod1']);
    for (const family of FAMILIES) {
      const others = ['node1-pod2', 'node2-pod1'].map((place) => ({
        place,
        address: lab.podAddress(place, family),
      }));
      const targets = targetsOf(lab, family, others);
      const spoofed = [
        ...others.map(({ address }) => address),
        ...lab.node('node1').addresses.filter((ip) => familyOf(ip) === family),
        family === 'ipv4' ? '203.0.113.9' : '2001:db8:1::9',
      ];
      const own = received(lab, lab.podAddress(SPOOFER, family), targets);
      assert.deepEqual(
        own,
        targets.map(() => PINGS),
        'with its own address it reaches all',
      );
      for (const source of spoofed) {
        const lengthBits = family === 'ipv4' ? 32 : 128;
        const nodad = family === 'ipv4' ? '' : ' nodad';
        lab.run(SPOOFER, `ip address add ${source}/${lengthBits} dev eth0${nodad}`);
        const elsewhere = targets.filter(({ address }) => address !== source);
        const arrived = received(lab, source, elsewhere);
        assert.deepEqual(
          arrived,
          elsewhere.map(() => 0),
          `as ${source}`,
        );
        lab.run(SPOOFER, `ip address del ${source}/${lengthBits} dev eth0`);
      }
    }
    assert.match(lab.run('node1', 'nft list chain inet poplin pods_antispoof'), /packets [1-9]/);
    await lab.mustReach();
  });
});
