// Runs `poplin doctor` on a node of a lab, as an operator would there, and waits for what it finds.
// Asynchronous all through, since the API that it asks may be in the test's own process.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import type { Diagnosis, Finding } from '../../src/doctor/finding.ts';
import type { TestLab } from './lab.ts';
import { until } from './lab.ts';

const RUN_TIMEOUT_MS = 120_000;
/** Silence is noticed after some seconds, and a search for an MTU takes ten. */
const UNTIL_MS = 120_000;

export type DoctorRun = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};

export type DoctorSettings = {
  readonly environment?: Readonly<Record<string, string>>;
  readonly words?: readonly string[];
};

export function runDoctor(
  lab: TestLab,
  node: string,
  { environment = {}, words = ['--json'] }: DoctorSettings = {},
): Promise<DoctorRun> {
  const { program } = lab.directory.mustRecord(lab.plan.spec.name);
  const { runDir } = lab.directory.node(node);
  // The words before it are found by this process's PATH.
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const argv = [
    'netns',
    'exec',
    lab.netns(node),
    'env',
    ...variables,
    ...program,
    'doctor',
    ...words,
  ];
  const options = { timeout: RUN_TIMEOUT_MS };
  return new Promise((resolve) => {
    execFile('ip', [...argv, '--run-dir', runDir], options, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : Number(error.code ?? -1);
      resolve({ exitCode, stdout, stderr });
    });
  });
}

export async function diagnosisOf(
  lab: TestLab,
  node: string,
  settings: DoctorSettings = {},
): Promise<Diagnosis> {
  const { exitCode, stdout, stderr } = await runDoctor(lab, node, settings);
  assert.equal(stderr, '');
  const diagnosis = JSON.parse(stdout) as Diagnosis;
  assert.equal(exitCode, diagnosis.healthy ? 0 : 1);
  assert.equal(diagnosis.healthy, diagnosis.findings.length === 0);
  return diagnosis;
}

/** Exactly these checks find something, in the end; returns what they say. */
export async function untilFound(
  lab: TestLab,
  node: string,
  { checks, ...settings }: DoctorSettings & { readonly checks: readonly string[] },
): Promise<readonly Finding[]> {
  let last: readonly Finding[] = [];
  const find = async (): Promise<boolean> => {
    last = (await diagnosisOf(lab, node, settings)).findings;
    return [...new Set(last.map(({ check }) => check))].join() === checks.join();
  };
  try {
    await until(`doctor on ${node} finds ${checks.join(' and ') || 'nothing'}`, find, UNTIL_MS);
  } catch (error) {
    assert.fail(`${String(error)}; it found ${JSON.stringify(last, null, 1)}`);
  }
  for (const finding of last) {
    for (const text of [finding.what, finding.why, finding.do]) assert.notEqual(text, '');
  }
  return last;
}
