// A lab by the words of the pages: what README.md types in a checkout, one after another, and what
// docs/page.md, docs/status.md and docs/doctor.md type on a node of it. Nothing is changed but the
// lab's name, so that it is no other one's.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { LabDirectory } from '../../src/lab/lab-directory.ts';
import { ROOT } from '../unit/deploy/manifests.ts';
import { commandOf } from '../unit/docs/pages.ts';
import { until } from './lab.ts';

const TIMEOUT_MS = 300_000;
const NAME = `pp${process.pid}`;

const named = (command: string): string =>
  command.replace(/^npx poplin lab \S+/, (words) => `${words} --name ${NAME}`);

function type(command: string): string {
  const options = { cwd: ROOT, encoding: 'utf8', timeout: TIMEOUT_MS } as const;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', named(command)], options);
  assert.equal(status, 0, `${command}\n${stdout}${stderr}`);
  return stdout;
}

/** On a node, in a directory of its own; what is not so at once may be so a moment later. */
const typeOnNode = (directory: string, command: string, expected: RegExp): Promise<boolean> =>
  until(`${command} says ${expected}`, () => {
    const script = `cd ${directory}; ${command}`;
    const words = ['lab', 'exec', '--name', NAME, 'node1', '--', 'sh', '-c', script];
    return expected.test(spawnSync('npx', ['poplin', ...words], { encoding: 'utf8' }).stdout);
  });

/** As an operator beside the cluster, who has its kubeconfig. */
const seeAll = (): Promise<boolean> =>
  until('status --all says that all nodes are ready', () => {
    const command = commandOf('docs/status.md', 'poplin status --all');
    const env = { ...process.env, POPLIN_KUBECONFIG: new LabDirectory(NAME).kubeconfig };
    const options = { cwd: ROOT, encoding: 'utf8', env } as const;
    const { stdout } = spawnSync('sh', ['-c', `npx ${command}`], options);
    return /^4 of 4 nodes are ready$/m.test(stdout);
  });

async function lookFromNode(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-pages-'));
  try {
    const status = commandOf('docs/status.md', 'poplin status  ');
    await typeOnNode(directory, status, /node1, poplin .*: ready/);
    for (const command of [
      commandOf('docs/doctor.md', 'poplin doctor  '),
      commandOf('docs/doctor.md', 'poplin doctor --json'),
      commandOf('docs/doctor.md', 'poplin doctor --bundle'),
    ]) {
      await typeOnNode(directory, command, /: nothing is wrong|"healthy": ?true/);
    }
    assert.ok(existsSync(join(directory, 'poplin.tgz')));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** It goes on until somebody ends it, as Ctrl-C in a terminal does: all of its processes. */
async function visitPage(context: TestContext): Promise<void> {
  const command = named(commandOf('docs/page.md', 'npx poplin lab page'));
  const child = spawn('sh', ['-c', command], {
    ...{ cwd: ROOT, detached: true },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = (): boolean => process.kill(-(child.pid ?? assert.fail()), 'SIGINT');
  context.after(() => child.exitCode === null && child.signalCode === null && end());
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const url = await until('it says where', () => /http:\/\/127\.0\.0\.1:\d+\//.exec(said)?.[0]);
  const answer = await fetch(url);
  assert.match(await answer.text(), /<title>Poplin<\/title>/);
  const ended = once(child, 'exit');
  end();
  await ended;
}

test('what the pages say of a lab, as it is typed', { timeout: TIMEOUT_MS }, async (context) => {
  context.after(() => spawnSync('npx', ['poplin', 'lab', 'down', '--name', NAME], { cwd: ROOT }));
  type(commandOf('README.md', 'npx poplin lab up'));
  assert.match(type(commandOf('README.md', 'npx poplin lab check')), /probes, all fine/);
  assert.match(type(commandOf('README.md', 'npx poplin lab switch')), /had moved to host-gw/);
  type(commandOf('README.md', 'npx poplin lab node add'));
  assert.match(type(commandOf('README.md', 'npx poplin lab exec')), /node1, poplin .*: ready/);
  await lookFromNode();
  await seeAll();
  await visitPage(context);
  assert.match(type(commandOf('README.md', 'npx poplin lab down')), /is gone/);
});
