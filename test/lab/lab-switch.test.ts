// `poplin lab switch` as a user runs it: that it measures, that it notices what is lost, that a
// refused change leaves nothing behind, and that nodes which see the change late lose nothing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { reportOf, runSwitch, SWITCH_TIMEOUT_MS, startSwitch } from './switching.ts';

const CUT_MS = 300;

const configOf = async (lab: TestLab): Promise<Record<string, unknown>> =>
  JSON.parse(await lab.datastore.netConfText()) as Record<string, unknown>;

test('from vxlan to host-gw and back nothing is lost, and it says so', async (t) => {
  await withLab({ families: ['ipv4', 'ipv6'] }, async (lab) => {
    const { code, out, err } = await runSwitch(lab, 'host-gw');
    assert.equal(code, 0, out + err);
    t.diagnostic(out);
    assert.match(
      out,
      /a UDP probe every 2\.\d ms in both directions and a TCP stream on each of 6/,
    );
    assert.match(out, /until the old VXLAN devices were gone/);
    assert.match(out, /^every node had moved to host-gw after \d+ ms$/m);
    assert.match(out, /^ {2}node3-pod1 -> node1-pod1, IPv6: 0 of \d{3,} packets lost$/m);
    assert.match(out, /^0 packets lost, longest gap none, 0 connections broken$/m);
    assert.equal(lab.run('node1', 'ip -o link show type vxlan'), '');

    const line = 'vxlan --set VNI=9 --set Backend.Port=4789 --set Masquerade=false';
    const back = await reportOf(lab, line);
    const { ok, valid, pairs, streams, movedMs } = back;
    assert.deepEqual({ ok, valid, ways: pairs.length }, { ok: true, valid: true, ways: 12 });
    assert.ok(movedMs !== null && movedMs > 0);
    for (const { sent, lost, longestGapMs } of pairs) {
      assert.ok(sent > 100);
      assert.deepEqual({ lost, longestGapMs }, { lost: 0, longestGapMs: 0 });
    }
    assert.equal(streams.length, 6);
    for (const { bytes, broken } of streams) assert.ok(bytes > 0 && !broken);
    const { Backend: backend, Masquerade: masquerade } = await configOf(lab);
    assert.deepEqual(backend, { VNI: 9, Port: 4789, Type: 'vxlan' });
    assert.equal(masquerade, false);
    assert.match(lab.run('node1', 'ip -d link show type vxlan'), /id 9 .*dstport 4789/);
  });
});

test('what a cut of one node costs is noticed, and the pairs are named', async () => {
  await withLab({}, async (lab) => {
    const switching = startSwitch(lab, 'host-gw');
    const isWritten = async (): Promise<boolean> =>
      JSON.stringify(await configOf(lab)).includes('host-gw');
    await until('the change is written', isWritten, SWITCH_TIMEOUT_MS);
    lab.run('node2', 'ip link set eth0 down');
    await systemClock.sleep(CUT_MS);
    lab.run('node2', 'ip link set eth0 up');
    const { code, out, err } = await switching.ended;
    assert.equal(code, 1, out + err);
    const lost = (from: string, to: string): number =>
      Number(new RegExp(`^  ${from}-pod1 -> ${to}-pod1, IPv4: (\\d+) of`, 'm').exec(out)?.[1]);
    for (const other of ['node1', 'node3']) {
      assert.ok(lost('node2', other) + lost(other, 'node2') > CUT_MS / 10, out);
    }
    assert.equal(lost('node1', 'node3') + lost('node3', 'node1'), 0, out);
    const [, gapMs] = /packets lost, longest gap (\d+) ms/.exec(out) ?? [];
    assert.ok(Number(gapMs) >= CUT_MS / 2, out);
  });
});

test('a refused change is not there afterwards', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const before = await lab.datastore.netConfText();
    for (const [line, says] of [
      // By the schema.
      ['vxlna', /Backend\.Type = "vxlna": is no backend/],
      ['vxlan --set VNI=0', /Backend\.VNI = 0: must be a whole number/],
      ['vxlan --set Masqerade=false', /did you mean "Masquerade"/],
      ['vxlan --set A.B=1', /--set A\.B is no key/],
      // By the nodes: it holds their own addresses.
      [
        'host-gw --set Network=192.168.0.0/16',
        /holds 192\.168\.100\.1\d, .*again what it was before/,
      ],
    ] as const) {
      const { code, out, err } = await runSwitch(lab, line);
      assert.equal(code, 2, out + err);
      assert.match(err, says);
      assert.equal(await lab.datastore.netConfText(), before, line);
    }
    for (const name of ['node1', 'node2']) {
      assert.deepEqual((await lab.status(name)).config.problems, []);
    }
    assert.equal((await reportOf(lab, 'host-gw')).ok, true);
  });
});

test('a bad text of somebody else does not stand in the way of a good change', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const now = await configOf(lab);
    await lab.datastore.putNetConf(JSON.stringify({ ...now, Backend: { Type: 'nothing' } }));
    await lab.untilStatus('node1', 'refuses it', ({ config }) => config.problems.length > 0);
    assert.equal((await reportOf(lab, 'host-gw')).ok, true);
  });
});

const stateOf = (pid: number): string =>
  /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';

test('nodes that see the change up to a second apart lose nothing', async (t) => {
  await withLab({}, async (lab) => {
    for (const type of ['host-gw', 'vxlan']) {
      const { ok, lost, movedMs, delaysMs } = await reportOf(lab, `${type} --delay-ms 1000`);
      t.diagnostic(`to ${type}: ${JSON.stringify(delaysMs)}, moved after ${movedMs} ms`);
      assert.deepEqual({ ok, lost }, { ok: true, lost: 0 });
      assert.deepEqual(Object.keys(delaysMs), ['node1', 'node2', 'node3']);
      assert.ok((movedMs ?? 0) >= Math.max(...Object.values(delaysMs)) - 100);
    }
  });
});

test('an interrupted switch lets all nodes go on', async () => {
  await withLab({ nodeCount: 2 }, async (lab) => {
    const pids = lab.plan.nodes.map(({ name }) => lab.agent(name).pid);
    const switching = startSwitch(lab, 'host-gw --delay-ms 60000');
    await until(
      'the agents are stopped',
      () => pids.every((pid) => stateOf(pid) === 'T'),
      SWITCH_TIMEOUT_MS,
    );
    switching.kill('SIGINT');
    const { code, out, err } = await switching.ended;
    assert.equal(code, 130, out + err);
    await until('the agents go on', () => pids.every((pid) => stateOf(pid) !== 'T'));
  });
});

test('without pods on two nodes a switch measures nothing, and does not call that fine', async () => {
  await withLab({ nodeCount: 2, podsPerNode: 0 }, async (lab) => {
    const { code, out } = await runSwitch(lab, 'host-gw');
    assert.equal(code, 1, out);
    assert.match(out, /every node had moved to host-gw/);
    assert.match(out, /the run is invalid: no two nodes have pods/);
  });
});
