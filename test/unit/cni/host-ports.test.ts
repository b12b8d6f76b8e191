// Host ports through the verbs, on a machine in memory: who holds them, what is in the kernel's
// maps at each moment, and what is forgotten when. Packets are in test/lab/host-ports.test.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderNftTable } from '../../../src/desired/nft-table.ts';
import { hostPortSets } from '../../../src/endpoint/host-ports.ts';
import { FakeCniNode } from '../../fake/cni-node.ts';
import { configFrom, DUAL_STACK } from '../../fake/config-from.ts';

const MAPPINGS = [
  { hostPort: 8080, containerPort: 80 },
  { hostPort: 53, containerPort: 5353, protocol: 'UDP', hostIP: '192.0.2.1' },
];

type ErrorReply = { readonly code: number; readonly msg: string; readonly details: string };

const replyOf = ({ stdout }: { readonly stdout: string }): ErrorReply => JSON.parse(stdout);

class HostPortNode extends FakeCniNode {
  async load(): Promise<this> {
    const value = renderNftTable({ config: configFrom(DUAL_STACK), ownSubnets: [] });
    await this.host.apply([{ verb: 'add', object: 'nft-table', value }]);
    return this;
  }

  /** Elements that lead to pods, as `SET ELEMENT`. */
  get elements(): string[] {
    const names = [...hostPortSets([]).keys()];
    return names
      .flatMap((name) =>
        [...(this.host.namespace.nftSets.get(name)?.elements ?? [])].map((one) => `${name} ${one}`),
      )
      .sort();
  }

  add(container: string, portMappings: readonly object[]): ReturnType<FakeCniNode['call']> {
    return this.call('ADD', {
      env: { CNI_CONTAINERID: container },
      config: { runtimeConfig: { portMappings } },
    });
  }

  del(container: string): ReturnType<FakeCniNode['call']> {
    return this.call('DEL', { env: { CNI_CONTAINERID: container } });
  }

  /** In the namespace of one pod only one can be at a time. */
  async check(stdout: string): Promise<string> {
    const config = { prevResult: JSON.parse(stdout) as unknown };
    const reply = await this.call('CHECK', { config });
    return reply.exitCode === 0 ? '' : replyOf(reply).details;
  }
}

const node = (): Promise<HostPortNode> => new HostPortNode().load();

const ALL = [
  'hairpins4 10.244.1.2 . 10.244.1.2',
  'hairpins6 fd00:10:244:1::2 . fd00:10:244:1::2',
  'hostips4 192.0.2.1 . udp . 53 : 10.244.1.2 . 5353',
  'hostports4 tcp . 8080 : 10.244.1.2 . 80',
  'hostports6 tcp . 8080 : fd00:10:244:1::2 . 80',
];

describe('host ports', () => {
  test('come with ADD and go with DEL', async () => {
    const place = await node();
    assert.equal((await place.add('c1', MAPPINGS)).exitCode, 0);
    assert.deepEqual(place.elements, ALL);
    const { hostLink } = place.store.attachments()[0] ?? assert.fail();
    const { sysctls } = place.host.namespace;
    assert.equal(sysctls.get(`ipv4/conf/${hostLink}/route_localnet`), '1');
    assert.equal((await place.del('c1')).exitCode, 0);
    assert.deepEqual(place.elements, []);
    assert.equal(place.leftovers(), '');
  });

  test('are remembered by the next agent, which removes them', async () => {
    const place = await node();
    await place.add('c1', MAPPINGS);
    place.restart();
    assert.equal(place.store.attachments()[0]?.portMappings?.length, 2);
    const refused = await place.add('c2', MAPPINGS);
    assert.equal(replyOf(refused).code, 104);
    await place.del('c1');
    assert.deepEqual(place.elements, []);
  });

  test('lead to a pod after all else of it is there, and no more before that goes', async () => {
    const place = await node();
    const { host } = place;
    await place.add('c1', MAPPINGS);
    const added = host.applied.map(({ object }) => object);
    assert.ok(added.lastIndexOf('route') < added.lastIndexOf('nft-element'));
    host.applied.length = 0;
    await place.del('c1');
    assert.deepEqual(
      host.applied.map(({ verb, object }) => `${verb} ${object}`),
      [...ALL.map(() => 'remove nft-element'), 'remove link'],
    );
  });

  test('of UDP are forgotten by the kernel at both ends, those of TCP with the address', async () => {
    const place = await node();
    const { host } = place;
    await place.add('c1', MAPPINGS);
    const sent = { kind: 'sent-to-port', port: 53, hostIp: '192.0.2.1', leadsTo: '10.244.1.2' };
    assert.deepEqual(host.forgotten.splice(0), [sent]);
    await place.del('c1');
    assert.deepEqual(
      host.forgotten.splice(0).map(({ kind }) => kind),
      ['answered-by', 'answered-by'],
    );
    await place.clock.advance(250);
    assert.deepEqual(
      host.forgotten
        .splice(0)
        .map((one) => one.kind === 'of-address' && [one.address, one.isFree()]),
      [
        ['10.244.1.2', true],
        ['fd00:10:244:1::2', true],
      ],
    );
    await place.add('c2', [{ hostPort: 8080, containerPort: 80 }]);
    assert.deepEqual(host.forgotten, [], 'TCP has an end of its own');
  });

  test('that are held are refused in the name of the holder, with nothing left', async () => {
    const place = await node();
    await place.call('ADD', {
      env: { CNI_CONTAINERID: 'c1', CNI_ARGS: 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web' },
      config: { runtimeConfig: { portMappings: MAPPINGS } },
    });
    const before = place.elements;
    const files = place.files.list('/state/attachments');
    const { code, msg, details } = replyOf(
      await place.add('c2', [{ hostPort: 8080, containerPort: 1, hostIP: '127.0.0.1' }]),
    );
    assert.equal(code, 104);
    assert.equal(msg, 'host port 8080/tcp is taken');
    assert.equal(details, 'pod shop/web, container c1 (eth0), holds it');
    assert.deepEqual(place.elements, before);
    assert.deepEqual(place.files.list('/state/attachments'), files);
  });

  test('of a pod whose ADD is under way are held, too, and free when it has failed', async () => {
    const place = await node();
    place.host.inject({ effect: 'fail', matches: ({ object }) => object === 'nft-element' });
    const both = await Promise.all([place.add('c1', MAPPINGS), place.add('c2', MAPPINGS)]);
    assert.deepEqual(
      both.map((reply) => replyOf(reply).code),
      [100, 104],
    );
    assert.deepEqual(place.elements, []);
    assert.equal((await place.add('c3', MAPPINGS)).exitCode, 0);
  });

  test('of a pod whose file cannot be read are found by its addresses', async () => {
    const place = await node();
    await place.add('c1', MAPPINGS);
    const [name = assert.fail()] = place.files
      .list('/state/attachments')
      .filter((file) => file.endsWith('.json'));
    place.files.write(`/state/attachments/${name}`, 'nothing');
    place.restart();
    const other = { set: 'hostports4', element: 'tcp . 99 : 10.244.1.3 . 99' };
    await place.host.apply([{ verb: 'add', object: 'nft-element', value: other }]);
    await place.del('c1');
    assert.deepEqual(place.elements, ['hostports4 tcp . 99 : 10.244.1.3 . 99']);
  });

  test('for a family that the pod does not get are refused', async () => {
    const place = await node();
    const network = { ...place.readiness } as { network: { subnets: readonly string[] } };
    Object.assign(place, {
      readiness: { kind: 'ready', network: { ...network.network, subnets: ['10.244.1.0/24'] } },
    });
    const { code, details } = replyOf(
      await place.add('c1', [{ hostPort: 1, containerPort: 1, hostIP: '2001:db8::1' }]),
    );
    assert.equal(code, 7);
    assert.match(details, /hostIP is "2001:db8::1"; .*\(IPv4\)/);
    assert.equal(place.leftovers(), '');
  });

  test('do not keep a pod from being removed, however wrong they are', async () => {
    const place = await node();
    await place.add('c1', MAPPINGS);
    const config = { runtimeConfig: { portMappings: [{ hostPort: -1 }] } };
    assert.equal((await place.call('DEL', { config })).exitCode, 0);
    assert.deepEqual(place.elements, []);
  });
});

describe('CHECK', () => {
  const damages: readonly [string, (sets: Set<string>) => void, RegExp][] = [
    [
      'is missing',
      (elements) => elements.clear(),
      /^host port tcp \. 8080 : 10\.244\.1\.2 \. 80 is missing in the nftables map hostports4$/,
    ],
    [
      'leads elsewhere',
      (elements) => {
        elements.clear();
        elements.add('tcp . 8080 : 10.244.1.9 . 80');
      },
      /^host port .* leads elsewhere \(tcp \. 8080 : 10\.244\.1\.9 \. 80\) in the nftables map/,
    ],
  ];
  for (const [name, damage, text] of damages) {
    test(`finds that a host port ${name}`, async () => {
      const place = await node();
      const { stdout } = await place.add('c1', MAPPINGS);
      assert.equal(await place.check(stdout), '');
      damage(place.host.namespace.nftSets.get('hostports4')?.elements ?? assert.fail());
      assert.match(await place.check(stdout), text);
    });
  }

  test('finds that 127.0.0.1 does not lead there', async () => {
    const place = await node();
    const { stdout } = await place.add('c1', MAPPINGS);
    const { hostLink } = place.store.attachments()[0] ?? assert.fail();
    place.host.namespace.sysctls.set(`ipv4/conf/${hostLink}/route_localnet`, '0');
    assert.match(await place.check(stdout), /route_localnet is not 1/);
  });
});
