// The ways into etcd: certificates, users, several endpoints, several members. A way that is closed
// is named in `problem`; one that opens again, or another one, is taken without a restart.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Etcd3 } from 'etcd3';
import { TEST_CERTIFICATE, TEST_KEY } from '../../fake/tls.ts';
import { Scene } from './scene.ts';
import { EtcdServer, freePorts } from './server.ts';

/** Those above are for others, whom the tests play. */
const SMALL = { Network: '10.244.0.0/18', SubnetMax: '10.244.50.0' };
const FAST = { callTimeoutMs: 1_000, pingIntervalMs: 5_000, pingTimeoutMs: 5_000 };

describe('access to etcd', () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const serverOf = async (options: Parameters<typeof EtcdServer.start>[0] = {}) => {
    const server = await EtcdServer.start(options);
    ends.push(() => server.dispose());
    return server;
  };
  const sceneOf = async (server: EtcdServer): Promise<Scene> => {
    const scene = new Scene(server);
    await scene.ready;
    ends.push(() => scene.end());
    return scene;
  };

  describe('by certificates', () => {
    let directory: string;
    const certificate = Buffer.from(TEST_CERTIFICATE);
    const files = { ca: certificate, certificate, key: Buffer.from(TEST_KEY) };
    before(() => {
      directory = mkdtempSync(join(tmpdir(), 'pe-tls-'));
      writeFileSync(join(directory, 'crt'), TEST_CERTIFICATE);
      writeFileSync(join(directory, 'key'), TEST_KEY);
    });
    after(() => rmSync(directory, { recursive: true, force: true }));

    const tlsServer = (): Promise<EtcdServer> => {
      const at = (name: string): string => join(directory, name);
      const flags = [
        ...['--cert-file', at('crt'), '--key-file', at('key')],
        ...['--trusted-ca-file', at('crt'), '--client-cert-auth'],
      ];
      return serverOf({ tls: true, flags });
    };

    test('a client certificate of the right CA is let in', async () => {
      const server = await tlsServer();
      const scene = await sceneOf(server);
      const endpoints = [server.clientUrl];
      const node = scene.open('a', { endpoints, credentials: () => ({ tls: files }) });
      node.hold(SMALL);
      await node.untilHeld();
    });

    test('without one it says so, and goes on when the file is there', async () => {
      const server = await tlsServer();
      const scene = await sceneOf(server);
      let tls: Partial<typeof files> = { ca: files.ca };
      const credentials = () => ({ tls });
      const node = scene.open('a', { endpoints: [server.clientUrl], credentials, timing: FAST });
      node.hold(SMALL);
      await node.until('a problem', () => /etcd|no answer|certificate/.test(node.reason));
      assert.equal(node.source.health().synced, false);
      tls = files;
      await node.untilHeld();
    });
  });

  describe('by user and password', () => {
    const PASSWORD = 'correct horse';
    /** Tokens end after two seconds. */
    const authServer = async (): Promise<EtcdServer> => {
      const server = await serverOf({ flags: ['--auth-token-ttl', '2', '--bcrypt-cost', '4'] });
      const etcd = server.operator();
      await etcd.role('root').create();
      const root = await etcd.user('root').create(PASSWORD);
      await root.addRole('root');
      const role = await etcd.role('poplin').create();
      const key = Buffer.from('/coreos.com/network/');
      await role.grant({
        permission: 'Readwrite',
        range: { start: key, end: Buffer.from('/coreos.com/network0') } as never,
      });
      const user = await etcd.user('poplin').create(PASSWORD);
      await user.addRole('poplin');
      await etcd.auth.authEnable();
      etcd.close();
      return server;
    };
    const operatorOf = (server: EtcdServer): Etcd3 =>
      new Etcd3({ hosts: server.clientUrl, auth: { username: 'root', password: PASSWORD } });

    test('a user that may write below the prefix alone is enough, and tokens are renewed', async () => {
      const server = await authServer();
      const scene = await sceneOf(server);
      const credentials = () => ({ user: { name: 'poplin', password: PASSWORD } });
      const lease = { leaseSeconds: 6, renewMarginSeconds: 2 };
      const node = scene.open('a', { credentials, lease });
      node.hold(SMALL);
      const subnets = await node.untilHeld();
      const end = node.endMs;
      await node.until('a renewal after tokens have ended', () => node.endMs > end + 5_000);
      scene.relay.cut();
      await node.publish();
      const etcd = operatorOf(server);
      await etcd.put('/coreos.com/network/config').value('{"later":1}');
      etcd.close();
      await node.until('a change', () => node.cluster.config?.text === '{"later":1}');
      assert.deepEqual(node.subnets, subnets);
    });

    test('a wrong password is named, and the right one is taken when it comes', async () => {
      const server = await authServer();
      const scene = await sceneOf(server);
      let password = 'wrong';
      const credentials = () => ({ user: { name: 'poplin', password } });
      const node = scene.open('a', { credentials });
      node.hold(SMALL);
      await node.until('a problem', () => {
        return /access is refused.*authentication failed/.test(node.source.health().problem ?? '');
      });
      password = PASSWORD;
      await node.untilHeld();
    });
  });

  describe('by several endpoints', () => {
    test('one that is not there is passed over', async () => {
      const server = await serverOf();
      const scene = await sceneOf(server);
      const { client } = await freePorts();
      const endpoints = [`http://127.0.0.1:${client}`, server.clientUrl];
      const node = scene.open('a', { endpoints });
      node.hold(SMALL);
      await node.untilHeld();
    });

    test('three members lose the one that a node works with', async () => {
      const names = ['one', 'two', 'three'];
      const ports = await Promise.all(names.map(() => freePorts()));
      const cluster = names
        .map((name, index) => `${name}=http://127.0.0.1:${ports[index]?.peer}`)
        .join(',');
      const members = names.map((name, index) => {
        const own = ports[index];
        assert.ok(own !== undefined);
        const member = new EtcdServer({ name, cluster, ports: own });
        ends.push(() => member.dispose());
        member.spawn();
        return member;
      });
      await Promise.all(members.map((member) => member.ready()));
      const [first, second] = members;
      assert.ok(first !== undefined && second !== undefined);
      const scene = await sceneOf(second);
      const endpoints = members.map(({ clientUrl }) => clientUrl);
      const node = scene.open('a', { endpoints, timing: FAST });
      node.hold(SMALL);
      const subnets = await node.untilHeld();
      await first.kill();
      await scene.operator.occupy('b', ['10.244.60.0/24']);
      await node.until('b', () => node.cluster.nodes?.get('b')?.subnets.length === 1);
      await node.publish();
      assert.deepEqual(node.subnets, subnets);
    });
  });
});
