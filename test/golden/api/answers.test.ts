// The embedded API against what a real kube-apiserver answered to the same requests. answers.txt is
// written by `GOLDEN=write npm run test:cluster`, differences.txt by `npm run golden`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../../../src/lib/clock.ts';
import { DIFFERENCES } from '../../conformance/api/differences.ts';
import { parseTranscript, playRequests, transcriptOf } from '../../conformance/api/player.ts';
import { API_REQUESTS } from '../../conformance/api-requests.ts';
import { portOf, startTestApi } from '../../fake/kubernetes-api.ts';
import { checkGolden } from '../golden.ts';

/** Periodic bookmarks are no answer to a request, and come when they like. */
const PERIOD_MIN_MS = 30_000;

/** Watches end by their time; what they show is there from the start. */
const hastyClock = {
  ...systemClock,
  sleep: (delayMs: number, stop?: AbortSignal) =>
    systemClock.sleep(delayMs < PERIOD_MIN_MS ? delayMs / 100 : delayMs, stop),
};

test('the embedded API answers as the real one did', async () => {
  const api = await startTestApi({ namespaces: [], firstRevision: 100, clock: hastyClock });
  const server = {
    address: { url: `http://127.0.0.1:${portOf(api)}` },
    compact: async () => api.store.compact(),
  };
  const answers = await playRequests(server, API_REQUESTS).finally(() => api.stop());
  const real = parseTranscript(readFileSync(new URL('answers.txt', import.meta.url), 'utf8'));
  assert.deepEqual(
    answers.map(({ title }) => title),
    [...real.keys()],
    'answers.txt is of other requests; GOLDEN=write npm run test:cluster writes it anew',
  );
  const differ = answers.filter(({ title, text }) => real.get(title) !== text);
  for (const { title, text } of differ) {
    if (!Object.hasOwn(DIFFERENCES, title)) assert.equal(text, real.get(title), title);
  }
  assert.deepEqual(differ.map(({ title }) => title).sort(), Object.keys(DIFFERENCES).sort());
  checkGolden('api/differences.txt', transcriptOf(differ));
});
