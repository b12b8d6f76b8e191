// How long it takes until what somebody did to a node is undone: measured by one shell in the
// node's namespace, which does the harm and looks, so that the test's own process, which is busy, is
// not measured.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Drift } from './drifts.ts';
import type { TestLab } from './lab.ts';

const BACK_TIMEOUT_SECONDS = 60;

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Milliseconds from the return of what does the harm until it is undone. */
export async function repairMs(lab: TestLab, node: string, drift: Drift): Promise<number> {
  const { harm, isBack, isWhole = isBack } = drift;
  const script = [
    `set -e; ${harm}`,
    'start=$(date +%s%N)',
    `end=$((start + ${BACK_TIMEOUT_SECONDS}000000000))`,
    `until { ${isBack}; } >/dev/null 2>&1; do [ $(date +%s%N) -lt $end ] || exit 7; sleep 0.003; done`,
    'back=$(date +%s%N)',
    `until { ${isWhole}; } >/dev/null 2>&1; do [ $(date +%s%N) -lt $end ] || exit 8; sleep 0.003; done`,
    'echo $(((back - start) / 1000))',
  ].join('\n');
  const argv = ['netns', 'exec', lab.netns(node), 'sh', '-c', script];
  const shell = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let complaint = '';
  shell.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  shell.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaint += chunk;
  });
  const [code] = await once(shell, 'close');
  assert.equal(code, 0, `${node}: ${harm}: exit ${code} (7, 8: not back in time) ${complaint}`);
  return Number(text) / 1000;
}
