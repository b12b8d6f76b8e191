// The prober's clients against addresses where no responder is, and the process that is left after.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { askByTcp } from '../../../src/lab/prober/tcp-client.ts';
import { UdpClient } from '../../../src/lab/prober/udp-client.ts';
import { UdpResponder } from '../../../src/lab/prober/udp-responder.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { TestNamespace } from '../namespaces.ts';

const PORT = 9;
const ask = {
  timeoutMs: 300,
  clock: systemClock,
  stop: new AbortController().signal,
};

describe('where nothing listens', () => {
  let namespace: TestNamespace;
  let filesBefore: number;
  before(() => {
    namespace = new TestNamespace('pp-alone');
    namespace.run('ip link set lo up');
    filesBefore = readdirSync('/proc/self/fd').length;
  });
  after(() => {
    assert.equal(readdirSync('/proc/self/fd').length, filesBefore);
    namespace[Symbol.dispose]();
  });

  for (const address of ['127.0.0.1', '::1'] as Ip[]) {
    test(`a UDP question to ${address} is refused by whoever has the address`, async () => {
      const client = new UdpClient(namespace.fd, { address, port: PORT });
      try {
        const outcome = await client.ask({ ...ask, token: 1, packetBytes: 100, attempts: 1 });
        assert.deepEqual(outcome, {
          kind: 'refused',
          error: { errno: 111, reportedBy: address, pathMtuBytes: undefined },
        });
      } finally {
        client.close();
      }
    });

    test(`a TCP connection to ${address} is refused`, async () => {
      const remote = { address, port: PORT };
      const payload = Buffer.alloc(10);
      const outcome = await askByTcp({ ...ask, netns: namespace.fd, remote, payload });
      assert.deepEqual(outcome, {
        kind: 'failed',
        error: 'nothing listens there (ECONNREFUSED)',
      });
    });
  }

  for (const address of ['192.0.2.1', '2001:db8::1'] as Ip[]) {
    test(`without a route ${address} cannot be asked`, async () => {
      const remote = { address, port: PORT };
      assert.throws(() => new UdpClient(namespace.fd, remote), {
        message: `reach ${address}: network unreachable (ENETUNREACH)`,
      });
      const payload = Buffer.alloc(10);
      const outcome = await askByTcp({ ...ask, netns: namespace.fd, remote, payload });
      assert.deepEqual(outcome, { kind: 'failed', error: 'network unreachable (ENETUNREACH)' });
    });
  }
});

test('a responder goes on after the network told it of an answer that nobody took', async () => {
  using namespace = new TestNamespace('pp-goes-on');
  namespace.run('ip link set lo up');
  for (const address of ['127.0.0.1', '::1'] as Ip[]) {
    const tokens: number[] = [];
    const responder = new UdpResponder(namespace.fd, { address, port: 0 }, (arrival) => {
      tokens.push(arrival.token);
    });
    const question = { ...ask, packetBytes: 100, attempts: 1 };
    const gone = new UdpClient(namespace.fd, responder.address);
    const unanswered = gone.ask({ ...question, token: 1 });
    gone.close();
    assert.deepEqual(await unanswered, { kind: 'silent' });
    const client = new UdpClient(namespace.fd, responder.address);
    const outcome = await client.ask({ ...question, token: 2 });
    client.close();
    responder.close();
    assert.equal(outcome.kind, 'answered');
    assert.deepEqual(tokens, [1, 2]);
  }
});

test('a process that has checked ends by itself', () => {
  using namespace = new TestNamespace('pp-ends');
  namespace.run('ip link set lo up');
  const check = new URL('../../../src/lab/check.ts', import.meta.url);
  // Two endpoints in one namespace, which reach each other over lo.
  const script = `
    import { checkReachability } from '${check.href}';
    const endpoints = ['127.0.0.1', '127.0.0.2'].map((address) => ({
      name: address, kind: 'pod', node: 'n', netns: '${namespace.path}',
      addresses: [address], sourceAddresses: ['127.0.0.1', '127.0.0.2'], mtuBytes: 1500,
    }));
    const stop = new AbortController().signal;
    const { ok } = await checkReachability(endpoints, { timeoutMs: 60_000, stop });
    console.log(ok);`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 120_000,
    cwd: fileURLToPath(new URL('../../../', import.meta.url)),
  });
  assert.equal(output.trim(), 'true');
});
