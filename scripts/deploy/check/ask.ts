// Runs in a pod of deploy/poplin-check.yaml, by deploy/check.sh: asks others, each until it answers
// or the time is over, and prints one line for each that does not answer as it must. Exit code 1:
// there was one. A pod has to be asked by the sender's own address, and be on the right node.
// Written into a ConfigMap as answer.ts is: it must import nothing but Node.js.
// Usage: node ask.mts SECONDS PORT OWN-ADDRESS,… NODE=ADDRESS… @SERVICE…

import { setTimeout as sleep } from 'node:timers/promises';

const ANSWER_TIMEOUT_MS = 3_000;
const PAUSE_MS = 500;

const [seconds = '', port = '', ownAddresses = '', ...targets] = process.argv.slice(2);
const endMs = performance.now() + Number(seconds) * 1000;

type Target = { readonly node: string; readonly host: string };

/** A Service has no node: any may answer, and on the way addresses may change. */
function targetOf(word: string): Target {
  const at = word.search(/[=@]/);
  return { node: word.slice(0, at), host: word.slice(at + 1) };
}

/** '' when it answers as it must. */
async function ask({ node, host }: Target): Promise<string> {
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    const answer = (await response.json()) as { readonly node?: string; readonly from?: string };
    if (node === '') return '';
    if (answer.node !== node) return `${answer.node} answers`;
    if (ownAddresses.split(',').includes(answer.from ?? '')) return '';
    return `was asked by ${answer.from}, which is not this pod's address`;
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.message;
}

async function problemOf(target: Target): Promise<string> {
  for (;;) {
    const problem = await ask(target);
    if (problem === '' || performance.now() >= endMs) return problem;
    await sleep(PAUSE_MS);
  }
}

const problems = await Promise.all(targets.map((word) => problemOf(targetOf(word))));
for (const [index, word] of targets.entries()) {
  const { node, host } = targetOf(word);
  const name = node === '' ? `Service ${host}` : `${node} (${host})`;
  if (problems[index] !== '') process.stdout.write(`${name}: ${problems[index]}\n`);
}
process.exitCode = problems.every((problem) => problem === '') ? 0 : 1;
