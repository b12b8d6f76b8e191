// What Prometheus itself says of the alerts below deploy/monitoring: they are valid, and promtool
// plays that each fires when it should and not otherwise. The job that docs/metrics.md shows is valid.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ALERTS } from '../../scripts/deploy/alerts.ts';
import { ROOT } from '../unit/deploy/manifests.ts';
import { blocksOf } from '../unit/docs/pages.ts';

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

/** Debian builds without what asks Kubernetes; all else of the job stays. */
const DISCOVERY = 'kubernetes_sd_configs: [{ role: node }]';

test('the job that docs/metrics.md shows is valid, with the rules', () => {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-metrics-'));
  const check = (text: string): string => {
    const path = join(directory, 'prometheus.yml');
    writeFileSync(path, text);
    return promtool('check', 'config', path);
  };
  const [block, ...more] = blocksOf('docs/metrics.md').filter(
    ({ language }) => language === 'yaml',
  );
  assert.ok(block !== undefined && more.length === 0);
  assert.ok(block.text.includes(DISCOVERY));
  const job = block.text.replace(DISCOVERY, 'static_configs: [{ targets: [node] }]');
  const rules = `rule_files: ['${join(ROOT, 'deploy/monitoring/poplin-alerts.yaml')}']\n`;
  try {
    assert.match(check(`${rules}${job}`), /is valid prometheus config file/);
    assert.throws(() => check(job.replace('relabel_configs', 'relabel')), /relabel not found/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
