// The agent is killed before each single effect of an ADD and of a DEL, in the middle of the call.
// The executable waits, another agent starts on what is left, and in the end every pod has its own
// address, works, and goes without a trace.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { install } from './executable.ts';
import { addressesIn, TestNode } from './node.ts';

const NODE = new URL('../../../scripts/node.sh', import.meta.url).pathname;
const AGENT = new URL('./agent-process.ts', import.meta.url).pathname;

/** Those that a failed test leaves would keep it from ending. */
const children: ChildProcess[] = [];

type AgentProcess = {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  /** The last line that it printed. */
  readonly lastLine: () => string;
};

async function start(node: TestNode, dieAt: number): Promise<AgentProcess> {
  const args = [NODE, AGENT, JSON.stringify(node.agentPlace), String(dieAt)];
  const child = spawn('sh', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const ended = once(child, 'exit');
  let line = '';
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (text) => {
    line = text;
  });
  await Promise.race([once(lines, 'line'), ended]);
  assert.equal(line, 'ready');
  return { child, ended, lastLine: () => line };
}

async function stop({ child, ended, lastLine }: AgentProcess): Promise<number> {
  child.kill('SIGTERM');
  await ended;
  return Number.parseInt(lastLine(), 10);
}

test('killed at any moment of ADD or DEL, no address is held twice and nothing stays', async () => {
  const node = new TestNode('crash', await install(20_000));
  try {
    const first = node.addPod('first');
    const counting = await start(node, 0);
    const firstAdd = await node.cni('ADD', first);
    const held = [...addressesIn(firstAdd)];
    const addEffects = await stop(counting);
    assert.ok(addEffects >= 6, `${addEffects} effects of an ADD`);
    for (let dieAt = 1; dieAt <= addEffects; dieAt += 1) {
      held.push(...(await addThroughCrash(node, dieAt)));
      assert.equal(new Set(held).size, held.length, `${held}`);
    }
    await deleteThroughCrashes(node, addEffects);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await node.remove();
  }
});

/** An ADD whose agent dies before effect `dieAt`; the addresses that it ends with. */
async function addThroughCrash(node: TestNode, dieAt: number): Promise<string[]> {
  const pod = node.addPod(`p${dieAt}`);
  const doomed = await start(node, dieAt);
  const running = node.cni('ADD', pod);
  await doomed.ended;
  const next = await start(node, 0);
  const outcome = await running;
  assert.equal(outcome.exitCode, 0, `killed before effect ${dieAt}: ${outcome.stdout}`);
  const addresses = addressesIn(outcome);
  for (const address of addresses) node.run('ping', '-c', '1', '-W', '10', address);
  const config = { prevResult: JSON.parse(outcome.stdout) };
  const check = await node.cni('CHECK', pod, { config });
  assert.equal(check.exitCode, 0, `killed before effect ${dieAt}: ${check.stdout}`);
  await stop(next);
  return addresses;
}

async function deleteThroughCrashes(node: TestNode, count: number): Promise<void> {
  for (let dieAt = 1; dieAt <= count; dieAt += 1) {
    const name = `${node.name}-p${dieAt}`;
    const pod = { id: `p${dieAt}`, name, netns: `/run/netns/${name}` };
    const doomed = await start(node, dieAt);
    const outcome = await node.cni('DEL', pod);
    assert.deepEqual([outcome.exitCode, outcome.stdout], [0, ''], `effect ${dieAt}`);
    doomed.child.kill('SIGKILL');
    await doomed.ended;
  }
  const last = await start(node, 0);
  const pod = { id: 'first', name: '', netns: '' };
  assert.equal((await node.cni('DEL', pod)).exitCode, 0);
  await stop(last);
  assert.equal(node.leftovers(), '');
  assert.deepEqual(readdirSync(node.attachmentDirectory), ['released']);
  assert.deepEqual(readdirSync(node.place.tombstoneDirectory), []);
}
