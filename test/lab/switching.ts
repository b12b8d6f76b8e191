// `poplin lab switch` as a user runs it, for tests: a process of the bundle, and what it reported.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { SwitchReport } from '../../src/lab/switch-report.ts';
import type { TestLab } from './lab.ts';
import { buildProgram } from './lab.ts';

export const SWITCH_TIMEOUT_MS = 300_000;

type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

type Run = {
  readonly ended: Promise<Ran>;
  readonly kill: (signal: NodeJS.Signals) => void;
};

export function startSwitch(lab: TestLab, line: string): Run {
  const [node = '', ...args] = buildProgram().program;
  const words = ['lab', 'switch', '--name', lab.plan.spec.name, ...line.split(' ')];
  const child = spawn(node, [...args, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: SWITCH_TIMEOUT_MS,
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
  return { ended, kill: (signal) => void child.kill(signal) };
}

export const runSwitch = (lab: TestLab, line: string): Promise<Ran> => startSwitch(lab, line).ended;

export async function reportOf(lab: TestLab, line: string): Promise<SwitchReport> {
  const { code, out, err } = await runSwitch(lab, `${line} --json`);
  assert.equal(code, 0, out + err);
  return JSON.parse(out) as SwitchReport;
}
