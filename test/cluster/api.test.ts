// A real kube-apiserver and the requests by which the embedded API is compared with it. Its answers
// are test/golden/api/answers.txt, which the embedded one must match in every `npm test`: here they
// are shown to be what a real server says. GOLDEN=write writes them anew.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseTranscript, playRequests, transcriptOf } from '../conformance/api/player.ts';
import { API_REQUESTS } from '../conformance/api-requests.ts';
import { startCluster } from './cluster.ts';

const file = new URL('../golden/api/answers.txt', import.meta.url);

test('a real kube-apiserver answers as is written down', async () => {
  const cluster = await startCluster();
  const answers = await playRequests(cluster, API_REQUESTS).finally(() => cluster.stop());
  assert.ok(answers.length > 250, 'all tables were played');
  if (process.env.GOLDEN === 'write') {
    writeFileSync(file, transcriptOf(answers));
    return;
  }
  const written = parseTranscript(readFileSync(file, 'utf8'));
  for (const { title, text } of answers) assert.equal(text, written.get(title), title);
  assert.equal(written.size, answers.length);
});
