// What status says of BGP sessions that are not up: by what BIRD says of them, and by what the
// agent has told BIRD of them. That the words are right is tried with real BIRDs in test/system.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BirdPasswords } from '../../../src/agent/bird-passwords.ts';
import { BirdSpeaker } from '../../../src/agent/bird-speaker.ts';
import { bgpStatus } from '../../../src/agent/bird-status.ts';
import type { BirdSession } from '../../../src/bird/sessions.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { FakeCluster } from '../../fake/agent-cluster.ts';
import { fakeSession } from '../../fake/bird.ts';

const viewOf = (sessions: readonly BirdSession[]) => {
  const running = { version: '', upSeconds: 1, config: 'a', isRecovering: false, routes: 0 };
  const rest = { absence: '', isMissing: false, waiting: [], problems: [] };
  return { wanted: 'a', running, sessions, ...rest };
};

describe('what is said of a session that is not up', () => {
  const cases = [
    ['BGP Error: Bad peer AS', 'idle', /another AS number/],
    ['Received: Bad peer AS', 'idle', /another AS number/],
    ['Socket: Connection refused', 'active', /nobody speaks BGP there/],
    ['Error: Hold timer expired', 'active', /nothing was heard/],
    [undefined, 'connect', /the password differs/],
    ['Socket: Connection refused', 'established', /^$/],
    ['something new', 'idle', /^$/],
  ] as const;
  for (const [lastError, state, expected] of cases) {
    test(`${lastError} while ${state}`, () => {
      const session = fakeSession({ lastError, state, sinceSeconds: 60 });
      const status = bgpStatus(viewOf([session]), undefined);
      assert.match(status?.sessions[0]?.hint ?? '?', expected);
    });
  }
});

test('the agent knows which of its sessions have a password', async () => {
  const peer = (Name: string, octet: number, more = {}) => {
    return { Name, Address: `192.168.1.${octet}`, AS: 65_001, ...more };
  };
  const PasswordSecret = { Name: 'bgp', Key: 'tor' };
  const Peers = [peer('plain', 250), peer('secret', 251, { PasswordSecret })];
  const config = { Network: '10.244.0.0/16', Backend: { Type: 'bgp' }, BGP: { Peers } };
  await using cluster = new FakeCluster(config);
  const agent = await cluster.add(1);
  await agent.end();
  const silent = { state: 'connect', lastError: undefined, sinceSeconds: 60 } as const;
  const names = ['peer4_plain', 'peer4_secret', 'peer4_of_before'];
  const view = viewOf(names.map((name) => fakeSession({ name, ...silent })));
  const speaker = new BirdSpeaker({
    nodeName: 'node-1',
    view: () => view,
    tracks: () => new Map(),
    log: silentLog,
    readGood: () => undefined,
    passwords: new BirdPasswords(() => new Map([['bgp/tor', 'good']])),
    hint: () => undefined,
    clock: cluster.clock,
  });
  agent.bird = { bgp: speaker, bird: { view, run: async () => undefined } };
  agent.start();
  await cluster.settle();
  const hints = agent.agent.status().bgp?.sessions.map(({ hint }) => hint) ?? [];
  assert.match(hints[0] ?? '', /only the other end has a password/);
  assert.match(hints[1] ?? '', /the password differs/);
  assert.match(hints[2] ?? '', /the password differs/, 'nothing is known of it');
});
