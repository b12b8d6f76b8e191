// Ports of a node that lead to a pod: from everywhere, in both families, by TCP, UDP and SCTP, with
// the client's own address wherever the answer finds its way; and what becomes of them when pods,
// elements and agents go.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand } from '../../src/lab/command.ts';
import { cidrAddress } from '../../src/net/cidr.ts';
import { FAMILIES } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { CniOutcome } from './cni.ts';
import { addressesIn, cni } from './cni.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { Station } from './stations.ts';

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
/** As containerd spells it. */
const MAPPINGS = PROTOCOLS.map((protocol, index) => ({
  ...{ HostPort: 8080, ContainerPort: 7000 + index, Protocol: protocol.toUpperCase(), HostIP: '' },
}));
const SERVED = ['tcp:7000', 'udp:7001', 'sctp:7002'];
const NODE = 'node1';
/** For questions that must not be answered. */
const IN_VAIN_MS = 300;

type Container = { readonly id: string; readonly netns: string; readonly result: CniOutcome };

async function addContainer(
  lab: TestLab,
  number: number,
  portMappings: readonly object[],
): Promise<Container> {
  const { netns } = lab.planPod(NODE, number);
  await runCommand(['ip', 'netns', 'add', netns]);
  const id = `container-${number}`;
  const config = { runtimeConfig: { portMappings } };
  const result = await cni(lab, { node: NODE, verb: 'ADD', containerId: id, netns, config });
  return { id, netns, result };
}

async function mustAdd(
  lab: TestLab,
  number: number,
  portMappings: readonly object[],
): Promise<Container> {
  const container = await addContainer(lab, number, portMappings);
  assert.equal(container.result.exitCode, 0, JSON.stringify(container.result));
  return container;
}

async function remove(lab: TestLab, { id, netns }: Container): Promise<void> {
  const outcome = await cni(lab, { node: NODE, verb: 'DEL', containerId: id, netns });
  assert.equal(outcome.exitCode, 0, JSON.stringify(outcome));
}

const check = (lab: TestLab, { id, netns, result }: Container): Promise<CniOutcome> =>
  cni(lab, {
    ...{ node: NODE, verb: 'CHECK', containerId: id, netns },
    config: { prevResult: result.json },
  });

const ofFamily = (addresses: readonly Ip[], family: string): Ip =>
  addresses.find((ip) => familyOf(ip) === family) ?? assert.fail(`no ${family}`);

const elements = (lab: TestLab): string => {
  const table = lab.run(NODE, 'nft -s list table inet poplin');
  return [...table.matchAll(/(hostports|hostips|hairpins)\d \{[^}]*elements = \{([^}]*)\}/g)]
    .map(([, , list = '']) => list.replaceAll(/\s+/g, ' '))
    .join();
};

test('a host port leads to its pod from everywhere, by each protocol and family', async () => {
  await withLab({ nodeCount: 2, families: FAMILIES }, async (lab) => {
    const container = await mustAdd(lab, 10, MAPPINGS);
    await using _server = await Station.open(container.netns, SERVED);
    const pods = addressesIn(container.result);
    const node = lab.node(NODE).addresses;
    const { lease } = await lab.status(NODE);
    const subnets = lease.subnets.map((cidr) => cidrAddress(cidr));
    const subnet = { ipv4: ofFamily(subnets, 'ipv4'), ipv6: ofFamily(subnets, 'ipv6') };
    const own = (place: string, family: 'ipv4' | 'ipv6'): string =>
      place === 'outside'
        ? ofFamily(lab.plan.outside.addresses, family)
        : lab.podAddress(place, family);
    const wrong: string[] = [];
    const expect = async (
      station: Station,
      what: { readonly from: string; readonly to: string; readonly seenAs: string },
    ): Promise<void> => {
      for (const protocol of PROTOCOLS) {
        const seen = await station.ask({ protocol, to: what.to, port: 8080 });
        if (seen !== what.seenAs) {
          wrong.push(`${protocol} from ${what.from} to ${what.to}: ${seen}, not ${what.seenAs}`);
        }
      }
    };
    for (const from of ['outside', 'node1-pod1', 'node2-pod1']) {
      await using client = await Station.open(lab.netns(from));
      for (const family of FAMILIES) {
        const seenAs = own(from, family);
        await expect(client, { from, to: ofFamily(node, family), seenAs });
      }
    }
    await using onNode = await Station.open(lab.netns(NODE));
    await using inPod = await Station.open(container.netns);
    for (const family of FAMILIES) {
      const to = ofFamily(node, family);
      await expect(onNode, { from: NODE, to, seenAs: to });
      await expect(onNode, { from: NODE, to: subnet[family], seenAs: subnet[family] });
      // Itself: its own address as the source would be taken for a forged one.
      await expect(inPod, { from: 'the pod', to, seenAs: subnet[family] });
      const direct = ofFamily(pods, family);
      assert.equal(
        await onNode.ask({ protocol: 'tcp', to: direct, port: 7000 }),
        subnet[family],
        'the pod serves',
      );
    }
    await expect(onNode, { from: NODE, to: '127.0.0.1', seenAs: subnet.ipv4 });
    assert.deepEqual(wrong, []);
    // As if there were no host port: the kernel takes no answer to ::1 from a link.
    assert.equal(await onNode.ask({ protocol: 'tcp', to: '::1', port: 8080 }), null);
    const { pods: status } = await lab.status(NODE);
    assert.equal(status.hostPorts, PROTOCOLS.length);
    await remove(lab, container);
    assert.equal(elements(lab), '');
    await lab.mustReach();
  });
});

test('only the node’s own addresses, and only the one that a mapping names', async () => {
  await withLab({ nodeCount: 2, families: FAMILIES }, async (lab) => {
    const [node4 = assert.fail()] = lab.node(NODE).addresses.filter((ip) => !ip.includes(':'));
    lab.run(NODE, 'ip address add 198.51.100.77/32 dev lo');
    const container = await mustAdd(lab, 10, [
      { hostPort: 8081, containerPort: 7000, hostIP: node4 },
      { hostPort: 8082, containerPort: 7000, hostIP: '0.0.0.0' },
      { hostPort: 8083, containerPort: 7000, hostIP: '127.0.0.1' },
      { hostPort: 0, containerPort: 7000 },
    ]);
    await using _server = await Station.open(container.netns, SERVED);
    await using onNode = await Station.open(lab.netns(NODE), [], IN_VAIN_MS);
    const asked = async (to: string, port: number): Promise<boolean> =>
      (await onNode.ask({ protocol: 'tcp', to, port })) !== null;
    const node6 = ofFamily(lab.node(NODE).addresses, 'ipv6');
    const reached = async (port: number): Promise<boolean[]> => [
      await asked(node4, port),
      await asked('198.51.100.77', port),
      await asked('127.0.0.1', port),
      await asked(node6, port),
    ];
    // Whoever is slow is asked again; what must not be reached is refused at once.
    await until(
      'by one address',
      async () => `${await reached(8081)}` === `${[true, false, false, false]}`,
    );
    await until(
      'by all of IPv4',
      async () => `${await reached(8082)}` === `${[true, true, true, false]}`,
    );
    await until(
      'by loopback',
      async () => `${await reached(8083)}` === `${[false, false, true, false]}`,
    );
    // What only passes through keeps its destination.
    const [other4 = assert.fail()] = lab.node('node2').addresses;
    assert.equal(await asked(other4, 8082), false);
    await remove(lab, container);
  });
});

test('a pod reaches nothing on the node’s loopback, though its veth takes packets to it', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const container = await mustAdd(lab, 10, [{ hostPort: 8080, containerPort: 7000 }]);
    await using _secret = await Station.open(lab.netns(NODE), ['udp:9000']);
    // A pod may send what it wants: 127.0.0.1 of the node instead of its own.
    lab.runIn(container.netns, ['ip', 'address', 'flush', 'dev', 'lo']);
    lab.runIn(container.netns, ['ip', 'rule', 'del', 'pref', '0']);
    lab.runIn(container.netns, ['ip', 'rule', 'add', 'pref', '100', 'lookup', 'local']);
    lab.runIn(container.netns, ['ip', 'rule', 'add', 'pref', '50', 'lookup', '50']);
    lab.runIn(
      container.netns,
      'ip route add 127.0.0.1 via 169.254.1.1 dev eth0 onlink table 50'.split(' '),
    );
    lab.runIn(container.netns, 'sysctl -qw net.ipv4.conf.eth0.route_localnet=1'.split(' '));
    const [address = assert.fail()] = addressesIn(container.result);
    lab.runIn(
      container.netns,
      `ip route replace 127.0.0.1 via 169.254.1.1 dev eth0 onlink src ${address} table 50`.split(
        ' ',
      ),
    );
    const drops = (): number =>
      Number(
        /@nh,128,8 \S+ counter packets (\d+)/.exec(
          lab.run(NODE, 'nft list chain inet poplin pods_antispoof'),
        )?.[1],
      );
    const before = drops();
    await using inPod = await Station.open(container.netns, [], IN_VAIN_MS);
    await until('its packets are dropped', async () => {
      assert.equal(await inPod.ask({ protocol: 'udp', to: '127.0.0.1', port: 9000 }), null);
      return drops() > before;
    });
  });
});

test('a port that is held is refused, and nothing is left of who asked', async () => {
  await withLab({ nodeCount: 2, families: FAMILIES }, async (lab) => {
    const mapping = { hostPort: 8080, containerPort: 7000 };
    const holder = await mustAdd(lab, 10, [mapping]);
    const before = elements(lab);
    for (const wish of [
      mapping,
      { ...mapping, hostIP: '127.0.0.1' },
      { ...mapping, hostIP: '::' },
    ]) {
      const { result, id, netns } = await addContainer(lab, 11, [wish]);
      assert.equal(result.exitCode, 1);
      assert.equal(result.json.code, 104);
      assert.match(String(result.json.details), /container container-10 \(eth0\) holds it/);
      assert.equal(lab.runIn(netns, ['ip', '-o', 'link', 'show', 'type', 'veth']), '');
      await remove(lab, { id, netns, result });
      await runCommand(['ip', 'netns', 'delete', netns]);
    }
    assert.equal(elements(lab), before);
    await mustAdd(lab, 12, [{ ...mapping, protocol: 'udp' }]);
    // Of two that come at once one gets it.
    const both = await Promise.all(
      [13, 14].map((number) => addContainer(lab, number, [{ hostPort: 9090, containerPort: 1 }])),
    );
    assert.deepEqual(both.map(({ result }) => result.exitCode).sort(), [0, 1]);
    await remove(lab, holder);
    await mustAdd(lab, 15, [mapping]);
  });
});

test('elements come back when somebody takes them, also while the agent is away', async () => {
  await withLab({ nodeCount: 2, families: FAMILIES }, async (lab) => {
    const container = await mustAdd(lab, 10, MAPPINGS);
    const before = elements(lab);
    assert.equal((await check(lab, container)).exitCode, 0);
    const damages = [
      'nft flush map inet poplin hostports4',
      'nft delete element inet poplin hostports6 { tcp . 8080 }',
      'nft flush set inet poplin hairpins4',
      'nft delete table inet poplin',
      'nft add element inet poplin hostports4 { tcp . 99 : 10.244.1.99 . 99 }',
    ];
    for (const damage of damages) {
      lab.run(NODE, damage);
      await until(damage, () => {
        try {
          return elements(lab) === before;
        } catch {
          return false;
        }
      });
    }
    await lab.endAgent(NODE, 'SIGKILL');
    lab.run(NODE, 'nft delete element inet poplin hostports4 { tcp . 8080 }');
    lab.run(NODE, 'nft add element inet poplin hostports4 { tcp . 8080 : 10.244.1.99 . 99 }');
    lab.startAgent(NODE);
    await until('the right one is back', () => elements(lab) === before);
    await lab.settled();
    await until('CHECK is content', async () => (await check(lab, container)).exitCode === 0);
  });
});

test('a client that goes on sending by UDP reaches whoever has the port now', async () => {
  await withLab({ nodeCount: 2, families: FAMILIES }, async (lab) => {
    const mapping = { hostPort: 8053, containerPort: 7001, protocol: 'udp' };
    await using client = await Station.open(lab.netns('outside'));
    await using hasty = await Station.open(lab.netns('outside'), [], IN_VAIN_MS);
    // Of a fixed port: for the kernel all of it is one connection, which never ends by itself.
    const ask = (family: 'ipv4' | 'ipv6', station = client): Promise<string | null> => {
      const to = ofFamily(lab.node(NODE).addresses, family);
      const sourcePort = family === 'ipv4' ? 5004 : 5006;
      return station.ask({ protocol: 'udp', to, port: mapping.hostPort, sourcePort });
    };
    for (const number of [10, 11]) {
      for (const family of FAMILIES) assert.equal(await ask(family, hasty), null);
      const container = await mustAdd(lab, number, [mapping]);
      {
        await using _server = await Station.open(container.netns, SERVED);
        for (const family of FAMILIES) {
          assert.equal(await ask(family), ofFamily(lab.plan.outside.addresses, family));
        }
      }
      await remove(lab, container);
    }
  });
});
