// What two files say of one thing: scripts/bird-run.sh waits before BIRD starts again until BFD has
// told the neighbours of its end, by the times that bird.conf gives sessions between nodes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { renderBird } from '../../../src/bgp/render.ts';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import { bgpSettings, speakerInput } from '../../fake/bgp.ts';

const SCRIPT = new URL('../../../scripts/bird-run.sh', import.meta.url);
/** BFD sends with up to a quarter less than its interval, and is heard a moment later. */
const SPARE_MS = 500;

test('BIRD starts again only when its neighbours’ BFD has noticed its end', () => {
  const conf = renderBird(speakerOf(speakerInput(bgpSettings({}), 2)), new Map());
  const [, block = ''] = /^protocol bfd bfd1 \{\n([\s\S]*?)^\}/m.exec(conf) ?? [];
  const times = [...block.matchAll(/interval (\d+) ms; multiplier (\d+);/g)];
  const detectMs = times.map(([, interval, multiplier]) => Number(interval) * Number(multiplier));
  assert.equal(detectMs.length, 2, 'one of links and one of ways over routers');
  const restart = /^ {2}if \[ -e "\$ran" \]; then\n([\s\S]*?)^ {2}fi/m;
  const [, again = ''] = restart.exec(readFileSync(SCRIPT, 'utf8')) ?? [];
  const pauseMs = Number(/^ +pause ([\d.]+)$/m.exec(again)?.[1]) * 1000;
  assert.ok(pauseMs >= Math.max(...detectMs) + SPARE_MS, `${pauseMs} ms after ${detectMs} ms`);
});
