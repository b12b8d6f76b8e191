// What Prometheus itself says of the alerts below deploy/monitoring: they are valid, and promtool
// plays that each fires when it should and not otherwise.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { ALERTS } from '../../scripts/deploy/alerts.ts';
import { ROOT } from '../unit/deploy/manifests.ts';

const PROMTOOL = join(ROOT, '.cache/prometheus/usr/bin/promtool');
const TIMEOUT_MS = 240_000;

function promtool(...words: readonly string[]): string {
  const cwd = join(ROOT, 'deploy/monitoring');
  const ran = spawnSync(PROMTOOL, words, { cwd, encoding: 'utf8', timeout: TIMEOUT_MS });
  assert.equal(ran.error, undefined, 'there is no promtool: sh scripts/setup.sh test');
  assert.equal(ran.status, 0, `${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

test('the rules are valid', () => {
  const said = promtool('check', 'rules', 'poplin-alerts.yaml');
  assert.match(said, new RegExp(`SUCCESS: ${ALERTS.length} rules found`));
});

test('each alert fires when it should, and not otherwise', () => {
  assert.match(promtool('test', 'rules', 'poplin-alerts-test.yaml'), /SUCCESS/);
});
