// What is said of a session that does not come up: by the last error while that is what keeps it
// down, and by the state where the error is of an earlier try. Real BIRDs are in test/system.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionFacts } from '../../../src/bird/causes.ts';
import { causeOf, causeText } from '../../../src/bird/causes.ts';
import type { BirdSession, BirdSessionState } from '../../../src/bird/sessions.ts';

type Case = readonly [
  name: string,
  state: BirdSessionState,
  lastError: string | undefined,
  sinceSeconds: number | undefined,
  says: RegExp,
  facts?: SessionFacts,
];

const REFUSED = 'Socket: Connection refused';
const UNREACHABLE = 'Socket: Network is unreachable';
const ABSENT = 'Socket: No route to host';
const NOTHING = /^$/;

const CASES: readonly Case[] = [
  ['up, whatever was before', 'established', REFUSED, 60, NOTHING],
  ['nothing is known', 'active', undefined, 60, NOTHING],
  ['a first try that may still be answered', 'connect', undefined, 9, NOTHING],
  ['a try that nobody answers', 'connect', undefined, 11, /^no answer of its TCP port/],
  ['time that is not known', 'connect', undefined, undefined, NOTHING],
  ['refused, until the next try', 'active', REFUSED, 60, /^nobody speaks BGP there/],
  ['refused a moment ago', 'connect', REFUSED, 3, /^nobody speaks BGP there/],
  ['refused once, unanswered since', 'connect', REFUSED, 11, /^no answer of its TCP port/],
  ['no way once, unanswered since', 'connect', UNREACHABLE, 11, /^no answer of its TCP port/],
  // The kernel says so only after some seconds of asking.
  ['absent, and tried again', 'connect', ABSENT, 60, /^the machine is not on this network/],
  ['refused once, connected now', 'open-sent', REFUSED, 60, /GTSM is on at one end alone/],
  ['absent once, connected now', 'open-sent', ABSENT, 60, /GTSM is on at one end alone/],
  ['refused once, connected a moment ago', 'open-sent', REFUSED, 3, NOTHING],
  ['heard once and never again', 'open-confirm', undefined, 11, /GTSM is on at one end alone/],
  ['refused once, heard once', 'open-confirm', REFUSED, 11, /GTSM is on at one end alone/],
  ['refused once, almost up', 'open-confirm', REFUSED, 3, NOTHING],
  ['an error of the other end, connected', 'open-sent', 'Bad peer AS: 3', 60, /another AS number/],
  [
    ...(['unanswered, without a password', 'connect', REFUSED, 11] as const),
    /only the other end has a password/,
    { hasPassword: false },
  ],
];

for (const [name, state, lastError, sinceSeconds, says, facts] of CASES) {
  test(`a session: ${name}`, () => {
    const session: BirdSession = {
      ...{ name: 'peer4_a', neighbour: '192.0.2.1', neighbourAs: 64_512, channels: [] },
      ...{ state, since: '', sinceSeconds, lastError, restarting: undefined, bfd: undefined },
    };
    assert.match(causeText(causeOf(session, facts)), says);
  });
}
