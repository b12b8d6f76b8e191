// When the loop hears of a verdict: at once of a path that it waits for, together of those in use.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PathTrack } from '../../../src/agent/path-track.ts';
import { newTrack } from '../../../src/agent/path-track.ts';
import { VerdictNews } from '../../../src/agent/verdict-news.ts';
import type { PathVerdict } from '../../../src/desired/paths.ts';
import type { Ip } from '../../../src/net/ip.ts';

function track(isMarked: boolean, verdict: PathVerdict): PathTrack {
  const probe = {
    ...({ key: 'k', peer: 'p', family: 'ipv4', path: 'vxlan', isMarked } as const),
    ...{ destination: '10.244.2.0' as Ip, fullBytes: 1450, overheadBytes: 50 },
  };
  return { ...newTrack(probe, 0), verdict };
}

test('each verdict of a tested path is told at once', () => {
  const news = new VerdictNews();
  for (const verdict of ['answers', 'silent', 'answers'] as const) {
    assert.equal(news.isDueFor(track(true, 'untried'), verdict, 0), true);
  }
});

test('the first answer over a path in use is nothing that a pass has to know', () => {
  const news = new VerdictNews();
  assert.equal(news.isDueFor(track(false, 'untried'), 'answers', 0), false);
  assert.equal(news.isDue(60_000), false);
});

test('of paths in use the first that falls silent is told at once, and all others together', () => {
  const news = new VerdictNews();
  const silent = (nowMs: number) => news.isDueFor(track(false, 'answers'), 'silent', nowMs);
  assert.equal(silent(0), true);
  assert.deepEqual([silent(1), silent(2), news.isDue(900)], [false, false, false]);
  assert.equal(news.isDue(1_000), true);
  assert.equal(news.isDue(5_000), false, 'once');
  assert.equal(news.isDueFor(track(false, 'silent'), 'answers', 5_000), true, 'it recovers');
});
