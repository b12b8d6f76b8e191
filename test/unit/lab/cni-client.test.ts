// The lab as a container runtime: what plugins get on stdin and in the environment, verb by verb.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import type { CniHost } from '../../../src/lab/cni-client.ts';
import { callCni } from '../../../src/lab/cni-client.ts';
import type { CommandResult, RunCommand } from '../../../src/lab/command.ts';

const CALL = {
  ...{ containerId: 'c1', ifName: 'eth0' },
  ...{ podNetns: '/run/netns/pod', podName: 'node1-pod1' },
};

const CHAIN = {
  name: 'poplin',
  cniVersion: '1.0.0',
  cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
  plugins: [{ type: 'poplin', key: 1 }, { type: 'portmap' }],
};

type Execution = { argv: readonly string[]; env: Record<string, string>; input: unknown };

/** Plugins answer with `answers` in turn; the last one goes on. */
function host(context: TestContext, conflists: Record<string, unknown>, answers: CommandResult[]) {
  const confDir = mkdtempSync(join(tmpdir(), 'poplin-cni-client-'));
  context.after(() => rmSync(confDir, { recursive: true }));
  for (const [file, content] of Object.entries(conflists)) {
    writeFileSync(join(confDir, file), JSON.stringify(content));
  }
  const executions: Execution[] = [];
  const run: RunCommand = async (argv, options) => {
    const input: unknown = JSON.parse(options?.input ?? '');
    executions.push({ argv, env: { ...options?.env }, input });
    const answer = answers[Math.min(executions.length, answers.length) - 1];
    assert.ok(answer !== undefined);
    return answer;
  };
  const node: CniHost = { netns: 'lab-node1', confDir, binDir: '/bin-of-node' };
  return { run, node, executions };
}

const says = (value: unknown, exitCode = 0): CommandResult => ({
  ...{ exitCode, stderr: '' },
  stdout: value === undefined ? '' : JSON.stringify(value),
});

const RESULT = { cniVersion: '1.1.0', ips: [{ address: '10.244.0.2/32' }], routes: [] };

const pluginsOf = (executions: readonly Execution[]) =>
  executions.map(({ argv }) => argv.at(-1)?.replace('/bin-of-node/', ''));

describe('the lab as a container runtime', () => {
  test('ADD goes down the chain by the newest version, each plugin with the result so far', async (context) => {
    const last = { ...RESULT, interfaces: [] };
    const { run, node, executions } = host(context, { '10-a.conflist': CHAIN }, [
      says(RESULT),
      says(last),
    ]);
    assert.deepEqual(await callCni(run, node, { ...CALL, verb: 'ADD' }), last);
    assert.deepEqual(
      executions.map(({ input }) => input),
      [
        { type: 'poplin', key: 1, name: 'poplin', cniVersion: '1.1.0' },
        { type: 'portmap', name: 'poplin', cniVersion: '1.1.0', prevResult: RESULT },
      ],
    );
    const [first] = executions;
    assert.deepEqual(first?.argv, ['ip', 'netns', 'exec', 'lab-node1', '/bin-of-node/poplin']);
    const { PATH: _, ...env } = first?.env ?? {};
    assert.deepEqual(env, {
      ...{ CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0' },
      ...{ CNI_NETNS: '/run/netns/pod', CNI_PATH: '/bin-of-node' },
      CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=node1-pod1',
    });
  });

  test('DEL goes up the chain with the result of ADD', async (context) => {
    const { run, node, executions } = host(context, { '10-a.conflist': CHAIN }, [says(undefined)]);
    await callCni(run, node, { ...CALL, verb: 'DEL', prevResult: RESULT });
    assert.deepEqual(pluginsOf(executions), ['portmap', 'poplin']);
    for (const { input } of executions) {
      assert.deepEqual((input as { prevResult: unknown }).prevResult, RESULT);
    }
  });

  test('CHECK goes down the chain and has no result', async (context) => {
    const { run, node, executions } = host(context, { '10-a.conflist': CHAIN }, [says(undefined)]);
    const checked = await callCni(run, node, { ...CALL, verb: 'CHECK', prevResult: RESULT });
    assert.equal(checked, undefined);
    assert.deepEqual(pluginsOf(executions), ['poplin', 'portmap']);
  });

  test('the first conflist by name counts, and its own version where it offers no others', async (context) => {
    const own = { name: 'a', cniVersion: '0.4.0', plugins: [{ type: 'first' }] };
    const files = { '20-b.conflist': CHAIN, '10-a.conflist': own, '05-a.conflist.tmp': CHAIN };
    const { run, node, executions } = host(context, files, [says(RESULT)]);
    await callCni(run, node, { ...CALL, verb: 'ADD' });
    assert.deepEqual(executions[0]?.input, { type: 'first', name: 'a', cniVersion: '0.4.0' });
  });

  test("a plugin's refusal is told in its own words, and ends the chain", async (context) => {
    const refusal = { cniVersion: '1.1.0', code: 11, msg: 'no subnet yet' };
    const { run, node, executions } = host(context, { '10-a.conflist': CHAIN }, [says(refusal, 1)]);
    await assert.rejects(callCni(run, node, { ...CALL, verb: 'ADD' }), {
      code: 'LAB',
      message: /CNI ADD of node1-pod1: .*no subnet yet/,
    });
    assert.deepEqual(pluginsOf(executions), ['poplin']);
  });

  test('without a conflist there is nothing to call', async (context) => {
    const { run, node } = host(context, {}, []);
    await assert.rejects(callCni(run, node, { ...CALL, verb: 'ADD' }), /no conflist/);
  });
});
