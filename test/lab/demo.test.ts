// The demo as a user runs it: that it works, that it leaves nothing behind however it ends, and
// that its exit code tells whether every pair reached each other and the switch lost nothing.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LABS_DIRECTORY } from '../../src/lab/lab-directory.ts';
import { namespaceNames } from '../../src/lab/netns.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/demo.sh', import.meta.url));
const NAME = `ps${process.pid}-demo`;
const TIME_LIMIT_MS = 300_000;

type Outcome = { readonly code: number | null; readonly output: string };

type DemoOptions = {
  /** Called for each line of the output, with the demo's pid. */
  readonly onLine?: (line: string, pid: number) => void;
  /** What comes before `sh scripts/demo.sh`. */
  readonly prefix?: readonly string[];
};

/** `sh` becomes the demo by exec, so that the pid is the demo's own. */
function runDemo({ onLine, prefix = [] }: DemoOptions = {}): Promise<Outcome> {
  const [program = '', ...args] = [...prefix, 'sh', SCRIPT, '--name', NAME];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIME_LIMIT_MS });
  let output = '';
  let line = '';
  const take = (text: string): void => {
    output += text;
    const lines = (line + text).split('\n');
    line = lines.pop() ?? '';
    for (const each of lines) onLine?.(each, child.pid ?? assert.fail());
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

const leftovers = (): string[] => [
  ...namespaceNames().filter((name) => name.startsWith(NAME)),
  ...(existsSync(`${LABS_DIRECTORY}/${NAME}`) ? [`${LABS_DIRECTORY}/${NAME}`] : []),
  ...processesNaming(NAME),
];

function processesNaming(text: string): string[] {
  const lines = execFileSync('ps', ['-e', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(text));
}

function assertFine({ code, output }: Outcome): void {
  assert.equal(code, 0, output);
  assert.equal(output.match(/198 probes, all fine/g)?.length, 2, output);
  for (const subnet of ['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24']) {
    assert.ok(output.includes(subnet), output);
  }
  assert.match(output, /every node had moved to host-gw after \d+ ms/);
  assert.match(
    output,
    /a UDP probe every 2 ms in both directions and a TCP stream on each of 3 pai/,
  );
  assert.match(output, /0 packets lost, longest gap none, 0 connections broken/);
  assert.deepEqual(leftovers(), []);
}

/** Sends `signal` once, at the first line that has `text`. */
function signalAt(text: string, signal: NodeJS.Signals): DemoOptions {
  let isSent = false;
  return {
    onLine: (line, pid) => {
      if (isSent || !line.includes(text)) return;
      isSent = true;
      process.kill(pid, signal);
    },
  };
}

test('the demo shows both backends, in a few seconds, and leaves nothing behind', async () => {
  const startedMs = performance.now();
  assertFine(await runDemo());
  assert.ok(performance.now() - startedMs < TIME_LIMIT_MS / 2);
});

for (const line of ['agents:', 'ConfigMap']) {
  test(`a demo killed at "${line}" is cleaned up by the next, which works`, async () => {
    const killed = await runDemo(signalAt(line, 'SIGKILL'));
    assert.equal(killed.code, null, killed.output);
    assert.notDeepEqual(leftovers(), []);
    const next = await runDemo();
    assert.match(next.output, /removing what an earlier lab/);
    assertFine(next);
  });
}

for (const line of ['underlay:', 'over VXLAN']) {
  test(`a demo interrupted at "${line}" takes the lab down`, async () => {
    const { code, output } = await runDemo(signalAt(line, 'SIGINT'));
    assert.equal(code, 130, output);
    assert.match(output, /interrupted/);
    assert.deepEqual(leftovers(), []);
  });
}

test('a pod that nobody reaches makes the demo fail, and it says which pairs', async () => {
  let isCut = false;
  const { code, output } = await runDemo({
    onLine: (line) => {
      if (isCut || !line.includes('each node has its subnet')) return;
      isCut = true;
      execFileSync('ip', ['-n', `${NAME}-node2-pod1`, 'link', 'set', 'eth0', 'down']);
    },
  });
  assert.equal(code, 1, output);
  assert.match(output, /node1-pod1 -> node2-pod1, IPv4/);
  assert.match(output, /or some pairs do not reach each other/);
  assert.deepEqual(leftovers(), []);
});

test('without root the demo says what it needs', async () => {
  // In a user namespace without a mapping nobody is root, and every file is as readable as before.
  const { code, output } = await runDemo({ prefix: ['unshare', '--user'] });
  assert.equal(code, 2, output);
  assert.match(output, /makes network namespaces and kernel devices: run it as root/);
});
