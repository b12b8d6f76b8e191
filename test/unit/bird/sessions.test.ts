// What real BIRDs of two versions said of their sessions, in every state that could be provoked.
// The recordings are in test/fuzz/corpus/bird; new ones are made by hand.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { secondsSince } from '../../../src/bird/bird-time.ts';
import type { BirdReply } from '../../../src/bird/reply.ts';
import { ReplyDecoder } from '../../../src/bird/reply.ts';
import type { BirdSession } from '../../../src/bird/sessions.ts';
import { parseBfdSessions, parseSessions } from '../../../src/bird/sessions.ts';
import { parseStatus } from '../../../src/bird/status.ts';
import { recorded } from '../../fuzz/bird-corpus.ts';

function replyTo(name: string, command: string): BirdReply {
  const [reply, ...rest] = new ReplyDecoder().push(recorded(name, command));
  assert.ok(reply !== undefined && rest.length === 0);
  return reply;
}

function sessionsIn(name: string, command = 'show protocols all'): BirdSession[] {
  const { now } = parseStatus(replyTo(name, 'show status'));
  const hasBfd = name.endsWith('-sessions.txt');
  const bfd = hasBfd ? parseBfdSessions(replyTo(name, 'show bfd sessions')) : new Map();
  return parseSessions(replyTo(name, command), { now, bfd });
}

describe('what BIRD says of its sessions', () => {
  for (const version of ['2.0.12', '2.17.5']) {
    test(`${version}: sessions in every state`, () => {
      const sessions = sessionsIn(`${version}-sessions.txt`);
      const told = sessions.map(({ name, neighbour, neighbourAs, state, lastError, bfd }) =>
        [name, neighbour, neighbourAs, state, lastError ?? '-', bfd ?? '-'].join(' '),
      );
      assert.deepEqual(told, [
        'mesh_b 10.9.0.2 64512 established - up',
        'mesh_c 10.9.0.3 64513 idle BGP Error: Bad peer AS -',
        'mesh_dead 10.9.0.99 64512 connect Socket: No route to host -',
        'mesh_passive 10.9.0.98 64512 passive - -',
        'mesh_off 10.9.0.97 64512 down - -',
        'far 192.0.2.7 64999 active Socket: Network is unreachable -',
        'v6only fd09::2 64512 down Automatic shutdown: Route limit exceeded -',
      ]);
    });

    test(`${version}: routes in and out, by channel, and since when`, () => {
      const [first] = sessionsIn(`${version}-sessions.txt`);
      assert.deepEqual(first?.channels, [
        { name: 'ipv4', imported: 2, exported: 2 },
        { name: 'ipv6', imported: 3, exported: 2 },
      ]);
      assert.ok(first.sinceSeconds !== undefined);
      assert.ok(first.sinceSeconds > 4 && first.sinceSeconds < 7, `${first.sinceSeconds} s`);
      const limited = sessionsIn(`${version}-sessions.txt`).at(-1);
      assert.equal(limited?.channels[0]?.importLimitHit, 'disable');
    });

    test(`${version}: a neighbour that restarts, and a BIRD that does`, () => {
      const [away] = sessionsIn(`${version}-restarting.txt`, 'show protocols all mesh_b');
      assert.equal(away?.state, 'active');
      assert.equal(away.restarting, 'neighbour');
      assert.equal(away.channels[0]?.imported, 2, 'its routes are kept');
      const [up, idle] = sessionsIn(`${version}-sessions.txt`);
      assert.equal(up?.restarting, undefined);
      assert.equal(idle?.restarting, 'own');
    });

    test(`${version}: its version, its times, and what it waits for`, () => {
      const status = parseStatus(replyTo(`${version}-sessions.txt`, 'show status'));
      assert.equal(status.version, version);
      assert.equal(status.routerId, '10.9.0.1');
      assert.equal(status.state, 'running');
      assert.ok(status.upSeconds > 6 && status.upSeconds < 7, `${status.upSeconds} s`);
      assert.deepEqual(status.recovery, { waitsForChannels: 8 });
    });
  }

  test('a configuration that is being taken in', () => {
    const all = new ReplyDecoder().push(
      Buffer.from(
        '1000-BIRD 2.0.12\n1011-Router ID is 10.9.0.3\n Hostname is node1\n' +
          ' Current server time is 2026-11-22 05:40:52.474\n' +
          ' Last reboot on 2026-11-22 05:40:22.810\n' +
          ' Last reconfiguration on 2026-11-22 05:40:52.473\n0013 Reconfiguration in progress\n',
      ),
    );
    const [reply] = all;
    assert.ok(reply !== undefined);
    assert.equal(parseStatus(reply).state, 'changing');
    assert.equal(parseStatus(reply).recovery, undefined);
  });

  test('BIRD without sessions has none', () => {
    const text = '2002-Name       Proto      Table      State  Since         Info\n0000 \n';
    const [reply] = new ReplyDecoder().push(Buffer.from(text));
    assert.ok(reply !== undefined);
    assert.deepEqual(parseSessions(reply, { now: '05:40:52.474', bfd: new Map() }), []);
  });

  test('a state that nobody knows is not understood', () => {
    const text = recorded('2.0.12-sessions.txt', 'show protocols all')
      .toString()
      .replace('BGP state:          Idle', 'BGP state:          Asleep');
    const [reply] = new ReplyDecoder().push(Buffer.from(text));
    assert.ok(reply !== undefined);
    assert.throws(
      () => parseSessions(reply, { now: '05:40:52', bfd: new Map() }),
      /mesh_c: "Asleep"/,
    );
  });
});

describe('how long ago something was, by BIRD', () => {
  const now = '2026-11-22 00:10:00.500';
  const cases = [
    ['2026-11-22 00:09:58.250', 2.25],
    ['2026-11-21 00:10:00.500', 86_400],
    ['23:59:59.500', 601],
    ['00:10:00', 0.5],
    ['2026-11-20', 2 * 86_400 + 600.5],
    ['2026-11-22 00:10:01', 0],
    ['yesterday', undefined],
    ['', undefined],
  ] as const;
  for (const [since, expected] of cases) {
    test(`${since} is ${expected} s before ${now}`, () => {
      assert.equal(secondsSince(since, now), expected);
    });
  }
  test('a clock without a date tells nothing', () => {
    assert.equal(secondsSince('2026-11-22 00:09:58.250', '00:10:00.500'), undefined);
  });
});
