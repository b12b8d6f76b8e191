// The reachability check between real namespaces: that it finds what is wrong, and says what.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import type { CheckResult, Endpoint, PairResult } from '../../../src/lab/check.ts';
import { checkReachability } from '../../../src/lab/check.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { Star } from './star.ts';

/** Of each probe: what is not dropped has to come in that time on a busy machine as well. */
const TIMEOUT_MS = 1_000;
const never = new AbortController().signal;

const check = (endpoints: readonly Endpoint[], stop = never): Promise<CheckResult> =>
  checkReachability(endpoints, { timeoutMs: TIMEOUT_MS, stop });

const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** `from to family protocol bytes: error` of what failed. */
const failures = ({ pairs }: CheckResult): string[] =>
  pairs.filter(({ ok }) => !ok).map(describePair);

const describePair = ({ from, to, family, protocol, bytes, error }: PairResult): string =>
  `${from} ${to} ${family} ${protocol} ${bytes}: ${error}`;

describe('the reachability check', () => {
  let star: Star;
  let pods: Endpoint[];
  let filesBefore: number;
  before(() => {
    star = new Star();
    pods = star.only('node1-pod1', 'node2-pod1');
    filesBefore = openFiles();
  });
  afterEach(() => {
    star.reset();
    assert.equal(openFiles(), filesBefore, 'descriptors are left open');
  });
  after(() => star[Symbol.dispose]());

  test('finds nothing wrong where nothing is, in both families', async () => {
    const result = await check(star.endpoints);
    assert.deepEqual(failures(result), []);
    assert.equal(result.ok, true);
    // 10 of the 12 pairs (nodes leave each other out), 2 families, 3 probes.
    assert.equal(result.pairs.length, 60);
    assert.deepEqual(result.pairs[0], {
      ...{ from: 'node1', to: 'node1-pod1', family: 'ipv4', protocol: 'udp', bytes: 92 },
      ...{ ok: true, seenSource: '10.9.1.2', error: null },
    });
    const full = result.pairs.filter(({ bytes }) => bytes === 1500);
    assert.equal(full.length, 20);
  });

  test('tries only the families that it is asked for', async () => {
    const options = { timeoutMs: TIMEOUT_MS, stop: never, families: ['ipv6'] as const };
    const { ok, pairs } = await checkReachability(pods, options);
    assert.equal(ok, true);
    assert.deepEqual(new Set(pairs.map(({ family }) => family)), new Set(['ipv6']));
  });

  test('that tried nothing is not fine', async () => {
    assert.deepEqual(await check(star.only('node1', 'node2')), { ok: false, pairs: [] });
  });

  test('tells a lost packet from a lost answer when one direction is dropped', async () => {
    star.rules('add rule inet t forward ip saddr 10.9.3.2 ip daddr 10.9.4.2 drop');
    const result = await check(pods);
    assert.equal(result.ok, false);
    const lost = `the packet did not arrive within ${TIMEOUT_MS} ms`;
    const unanswered = `the packet arrived, but its answer did not within ${TIMEOUT_MS} ms`;
    assert.deepEqual(failures(result), [
      `node1-pod1 node2-pod1 ipv4 udp 92: ${lost}`,
      `node1-pod1 node2-pod1 ipv4 udp 1500: ${lost}`,
      `node1-pod1 node2-pod1 ipv4 tcp 100000: no connection within ${TIMEOUT_MS} ms`,
      `node2-pod1 node1-pod1 ipv4 udp 92: ${unanswered}`,
      `node2-pod1 node1-pod1 ipv4 udp 1500: ${unanswered}`,
      `node2-pod1 node1-pod1 ipv4 tcp 100000: no connection within ${TIMEOUT_MS} ms`,
    ]);
    const unansweredPair = result.pairs.find(({ error }) => error === unanswered);
    assert.equal(unansweredPair?.seenSource, '10.9.4.2', 'what arrived is known all the same');
  });

  test('names the MTU of a path that takes less than believed', async () => {
    star.router.run('ip link set port4 mtu 1400');
    const result = await check(pods);
    const tooBig = /the packet is too big: path MTU is 1400 bytes \(EMSGSIZE/;
    const dropped = /dropped by the sender's own link.* \(ENOBUFS\)/;
    const [v4, v6, back4, back6, ...others] = failures(result);
    assert.match(v4 ?? '', /^node1-pod1 node2-pod1 ipv4 udp 1500: /);
    assert.match(v4 ?? '', tooBig);
    assert.match(v6 ?? '', /^node1-pod1 node2-pod1 ipv6 udp 1500: /);
    assert.match(v6 ?? '', tooBig);
    // The veth end that takes 1400 eats what the other end sends.
    assert.match(back4 ?? '', dropped);
    assert.match(back6 ?? '', dropped);
    assert.deepEqual(others, []);
  });

  test('sees that large packets vanish without a word', async () => {
    star.rules('add rule inet t forward ip6 daddr fd00:9:4::2 meta length > 1400 drop');
    assert.deepEqual(failures(await check(pods)), [
      `node1-pod1 node2-pod1 ipv6 udp 1500: the packet did not arrive within ${TIMEOUT_MS} ms`,
      'node1-pod1 node2-pod1 ipv6 tcp 100000: ' +
        `connected, but no answer to 100000 bytes within ${4 * TIMEOUT_MS} ms`,
    ]);
  });

  test("refuses a source that is not the sender's own", async () => {
    star.rules(`add rule inet t postrouting ip saddr 10.9.3.2 ip daddr 10.9.4.2 masquerade
      add rule inet t postrouting ip6 saddr fd00:9:3::2 ip6 daddr fd00:9:4::2 masquerade`);
    const result = await check(pods);
    const wrong = result.pairs.filter(({ ok }) => !ok);
    assert.deepEqual(new Set(wrong.map(({ from }) => from)), new Set(['node1-pod1']));
    assert.deepEqual(
      wrong.map(({ family, seenSource }) => [family, seenSource]),
      [...Array(3).fill(['ipv4', '10.9.4.1']), ...Array(3).fill(['ipv6', 'fd00:9:4::1'])],
    );
    assert.equal(wrong[0]?.error, "the receiver saw 10.9.4.1, not the sender's own 10.9.3.2");
  });

  test('takes any of several own sources', async () => {
    star.rules('add rule inet t postrouting ip saddr 10.9.3.2 ip daddr 10.9.4.2 masquerade');
    const [sender, receiver] = pods;
    assert.ok(sender !== undefined && receiver !== undefined);
    const sourceAddresses = [...sender.sourceAddresses, '10.9.4.1' as Ip];
    const result = await check([{ ...sender, sourceAddresses }, receiver]);
    assert.deepEqual(failures(result), []);
  });

  test('says when it was not the first packet that got through', async () => {
    star.rules(
      'add rule inet t forward ip saddr 10.9.3.2 meta l4proto udp quota until 93 bytes drop',
    );
    const result = await check(pods);
    assert.equal(result.ok, true);
    assert.deepEqual(result.pairs.filter(({ error }) => error !== null).map(describePair), [
      'node1-pod1 node2-pod1 ipv4 udp 92: answered only at attempt 2',
    ]);
  });

  test('does not send a full packet twice', async () => {
    star.rules(`add rule inet t forward ip saddr 10.9.3.2 meta length 1500 meta l4proto udp \
      quota until 1501 bytes drop`);
    assert.deepEqual(failures(await check(pods)), [
      `node1-pod1 node2-pod1 ipv4 udp 1500: the packet did not arrive within ${TIMEOUT_MS} ms`,
    ]);
  });

  test('names who says that a host cannot be reached', async () => {
    star.router.run('ip route add unreachable 10.9.4.2/32');
    star.router.run('ip -6 route add prohibit fd00:9:4::2/128');
    const [sender, receiver] = pods;
    assert.ok(sender !== undefined && receiver !== undefined);
    const errors = new Set(
      (await check([sender, receiver])).pairs
        // Routers bound how often they say so: the first ones count.
        .filter(({ from, bytes }) => from === sender.name && bytes < 200)
        .map(({ error }) => error),
    );
    assert.deepEqual(
      errors,
      new Set([
        'host unreachable (EHOSTUNREACH, said by 10.9.3.1)',
        'prohibited (EACCES, said by fd00:9:3::1)',
      ]),
    );
  });

  test('blames an endpoint without its address or namespace, and no other', async () => {
    const [a, b] = pods;
    const [node] = star.only('node1');
    assert.ok(a !== undefined && b !== undefined && node !== undefined);
    const result = await check([
      a,
      { ...b, addresses: ['10.9.4.77' as Ip] },
      { ...node, netns: '/run/netns/pp-is-not-there' },
    ]);
    const bySender = new Map(result.pairs.map(({ from, to, error }) => [`${from} ${to}`, error]));
    assert.equal(
      bySender.get('node1-pod1 node2-pod1'),
      'receiver: listen on 10.9.4.77: its namespace does not have that address (EADDRNOTAVAIL)',
    );
    assert.equal(bySender.get('node2-pod1 node1-pod1'), null);
    const gone = 'open network namespace /run/netns/pp-is-not-there: it is not there';
    assert.ok(bySender.get('node1 node1-pod1')?.startsWith(`sender: ${gone}`));
    assert.ok(bySender.get('node1-pod1 node1')?.startsWith(`receiver: ${gone}`));
  });

  test('stops when it is told to', async () => {
    star.rules('add rule inet t forward ip saddr 10.9.3.2 drop');
    const controller = new AbortController();
    const startMs = performance.now();
    const stopped = assert.rejects(check(pods, controller.signal), /enough/);
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await stopped;
    assert.ok(performance.now() - startMs < TIMEOUT_MS);
  });
});
