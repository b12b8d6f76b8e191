// The measurement of `lab switch` on a real network that is cut, on sockets that overflow, and
// while the prober itself is held up; and its process, which must end with whoever started it.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { MeasurementPlan, MeasurementResult } from '../../../src/lab/prober/measurement.ts';
import { Measurement } from '../../../src/lab/prober/measurement.ts';
import { ProbeSocket } from '../../../src/lab/prober/probe-socket.ts';
import { ProberClient } from '../../../src/lab/prober-client.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { TestNamespace } from '../namespaces.ts';

const STATE_TIMEOUT_MS = 60_000;
const CUT_MS = 300;
/** Far fewer than are sent, for machines that are slow. */
const SENT_MIN = 10;

const PROGRAM = [process.execPath, fileURLToPath(new URL('../../../src/main.ts', import.meta.url))];

/** Two pods as far as the prober knows, which reach each other over `lo`, in both families. */
function namespaceOfTwo(label: string): TestNamespace {
  const namespace = new TestNamespace(label);
  namespace.run('ip link set lo up');
  namespace.run('ip -6 address add fd00::1/128 dev lo nodad');
  namespace.run('ip -6 address add fd00::2/128 dev lo nodad');
  return namespace;
}

const planOf = ({ path: netns }: TestNamespace): MeasurementPlan => ({
  stations: [
    { name: 'a', netns, addresses: ['127.0.0.1', 'fd00::1'] as Ip[] },
    { name: 'b', netns, addresses: ['127.0.0.2', 'fd00::2'] as Ip[] },
  ],
  pairs: [
    { from: 'a', to: 'b', family: 'ipv4' },
    { from: 'a', to: 'b', family: 'ipv6' },
  ],
  intervalMs: 2,
});

/** What is measured while `work` goes on, and a little longer. */
async function whileMeasuring(
  namespace: TestNamespace,
  work: () => void | Promise<void>,
): Promise<MeasurementResult> {
  const measurement = await Measurement.open(planOf(namespace), systemClock, 1);
  const stop = new AbortController();
  const ready = Promise.withResolvers<void>();
  const probing = measurement.probe(ready.resolve, stop.signal);
  try {
    await ready.promise;
    await systemClock.sleep(100);
    await work();
    await systemClock.sleep(200);
    stop.abort();
    await probing;
    return await measurement.result(new AbortController().signal);
  } finally {
    stop.abort();
    await measurement.close();
  }
}

const wholeStreams = ({ streams }: MeasurementResult): void => {
  assert.equal(streams.length, 2);
  for (const { bytes, broken, error } of streams) {
    assert.deepEqual({ broken, error }, { broken: false, error: '' });
    assert.ok(bytes > 0);
  }
};

describe('a measurement', () => {
  test('of a network that works finds nothing, and closes all that it has opened', async () => {
    using namespace = namespaceOfTwo('pm-fine');
    const filesBefore = readdirSync('/proc/self/fd').length;
    const result = await whileMeasuring(namespace, () => undefined);
    assert.deepEqual(
      result.pairs.map(({ from, to, family, lost, longestGapMs, error }) => ({
        ...{ way: `${from} ${to} ${family}`, lost, longestGapMs, error },
      })),
      ['a b ipv4', 'b a ipv4', 'a b ipv6', 'b a ipv6'].map((way) => ({
        ...{ way, lost: 0, longestGapMs: 0, error: '' },
      })),
    );
    for (const { sent } of result.pairs) assert.ok(sent >= SENT_MIN, `only ${sent} sent`);
    wholeStreams(result);
    assert.equal(result.overflowCount, 0);
    // What Node.js has closed goes with the next turns of its loop.
    const endMs = performance.now() + STATE_TIMEOUT_MS;
    while (readdirSync('/proc/self/fd').length > filesBefore && performance.now() < endMs) {
      await systemClock.sleep(10);
    }
    assert.equal(readdirSync('/proc/self/fd').length, filesBefore);
  });

  test('of one that is cut counts what is lost, how long, and keeps the connections', async () => {
    using namespace = namespaceOfTwo('pm-cut');
    let cutMs = 0;
    const result = await whileMeasuring(namespace, async () => {
      const startedMs = performance.now();
      namespace.run(
        'nft -f -',
        'table inet cut { chain in { type filter hook input priority 0; drop; }; }',
      );
      await systemClock.sleep(CUT_MS);
      namespace.run('nft delete table inet cut');
      cutMs = performance.now() - startedMs;
    });
    for (const { sent, lost, longestGapMs } of result.pairs) {
      assert.ok(lost > 0 && lost < sent, `${lost} of ${sent}`);
      assert.ok(longestGapMs >= CUT_MS / 2 && longestGapMs <= cutMs + 2_000, `${longestGapMs} ms`);
    }
    // Whoever does not hear the question gives no answer, so each lost probe counts once.
    wholeStreams(result);
  });

  test('says on which ways nothing had come through when it began', async () => {
    using namespace = namespaceOfTwo('pm-unheard');
    namespace.run(
      'nft -f -',
      'table inet cut { chain in { type filter hook input priority 0; ip6 daddr fd00::2 drop; }; }',
    );
    const result = await whileMeasuring(namespace, () => {
      namespace.run('nft delete table inet cut');
    });
    assert.deepEqual(
      result.unheard.map(({ from, to, family }) => `${from} ${to} ${family}`),
      // The other way questions came through, and only their answers did not.
      ['a b ipv6'],
    );
  });

  test('says why it could not send', async () => {
    using namespace = namespaceOfTwo('pm-refused');
    const result = await whileMeasuring(namespace, async () => {
      namespace.run('ip route add unreachable 127.0.0.2/32 table 7');
      namespace.run('ip rule add pref 0 to 127.0.0.2 table 7');
      namespace.run('ip rule add pref 1 table local');
      namespace.run('ip rule del pref 0 table local');
      await systemClock.sleep(CUT_MS);
      namespace.run('ip rule del pref 0 to 127.0.0.2 table 7');
    });
    const [there] = result.pairs;
    assert.ok((there?.lost ?? 0) > 0);
    assert.match(there?.error ?? '', /EHOSTUNREACH|ENETUNREACH|EINVAL/);
  });

  test('counts what its own sockets had no room for apart', async () => {
    using namespace = namespaceOfTwo('pm-overflow');
    const result = await whileMeasuring(namespace, () => {
      const [, port] = /127\.0\.0\.2:(\d+)/.exec(namespace.run('ss -Huln')) ?? [];
      assert.ok(port !== undefined, 'the socket of the measurement');
      const remote = { address: '127.0.0.2' as Ip, port: Number(port) };
      const events = { datagram: () => undefined, error: () => undefined };
      const flood = ProbeSocket.connected(namespace.fd, remote, events);
      // Without a turn of the loop in between nothing is read.
      for (let count = 0; count < 30_000; count += 1) flood.send(Buffer.alloc(64));
      flood.close();
    });
    assert.ok(result.overflowCount > 0);
  });

  test('is not misled by a pause of its own, and tells it', async () => {
    using namespace = namespaceOfTwo('pm-stall');
    const result = await whileMeasuring(namespace, () => {
      const endMs = performance.now() + 200;
      while (performance.now() < endMs);
    });
    assert.ok(
      result.stalls.count >= 1 && result.stalls.longestMs >= 190,
      JSON.stringify(result.stalls),
    );
    for (const { lost } of result.pairs) assert.equal(lost, 0);
  });
});

describe('the process of the prober', () => {
  test('measures until it is told to finish', async () => {
    using namespace = namespaceOfTwo('pm-process');
    const client = await ProberClient.start(PROGRAM, planOf(namespace), systemClock);
    await systemClock.sleep(200);
    const result = await client.finish();
    for (const { sent, lost } of result.pairs) assert.ok(sent > 0 && lost === 0);
    wholeStreams(result);
  });

  test('says what is wrong with its plan', async () => {
    const stations = [{ name: 'a', netns: '/run/netns/pm-nowhere', addresses: [] }];
    const plan = { stations, pairs: [], intervalMs: 2 };
    await assert.rejects(ProberClient.start(PROGRAM, plan, systemClock), {
      code: 'LAB',
      message: /pm-nowhere: it is not there/,
    });
  });

  test('ends when whoever started it has gone', async () => {
    using namespace = namespaceOfTwo('pm-orphan');
    const [file = '', ...args] = PROGRAM;
    const child: ChildProcess = spawn(file, [...args, 'lab', 'prober'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    child.stdin?.write(`${JSON.stringify(planOf(namespace))}\n`);
    const [said] = (await once(child.stdout ?? assert.fail(), 'data')) as [Buffer];
    assert.equal(String(said), '{"kind":"ready"}\n');
    child.stdin?.end();
    const [code] = (await exited) as [number | null];
    assert.equal(code, 0);
  });
});
