// The reference library of CNI, by which containerd and CRI-O call plugins, against an agent in a
// lab: ADD, CHECK, DEL, GC and STATUS of its newest release, with the conflist that we ship. It is
// built here from Debian's sources with Debian's compiler.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CommandResult } from '../../src/lab/command.ts';
import { mustRun, runCommand } from '../../src/lab/command.ts';
import { netnsPath } from '../../src/lab/netns.ts';
import type { TestLab } from '../lab/lab.ts';
import { until, withLab } from '../lab/lab.ts';

const ROOT = join(import.meta.dirname, '../..');
const BUILD_TIMEOUT_MS = 600_000;
const CALL_TIMEOUT_MS = 120_000;
const NODE = 'node1';

const directory = mkdtempSync(join(tmpdir(), 'poplin-libcni-'));
const program = join(directory, 'call');

before(
  () => {
    const goRoot = join(ROOT, '.cache/go-1.24/usr/lib/go-1.24');
    const env = {
      ...{ ...process.env, GOROOT: goRoot, GO111MODULE: 'off', GOFLAGS: '', CGO_ENABLED: '0' },
      GOPATH: join(ROOT, '.cache/libcni/usr/share/gocode'),
      GOCACHE: join(ROOT, '.cache/go-build'),
    };
    const source = join(import.meta.dirname, 'libcni/call.go');
    execFileSync(join(goRoot, 'bin/go'), ['build', '-o', program, source], { env, stdio: 'pipe' });
  },
  { timeout: BUILD_TIMEOUT_MS },
);
after(() => rmSync(directory, { recursive: true }));

/** A runtime with a cache of its own; pods are namespaces. */
class Runtime {
  readonly #lab: TestLab;
  readonly #cacheDir: string;

  constructor(lab: TestLab, name: string) {
    this.#lab = lab;
    this.#cacheDir = join(directory, name);
  }

  call(verb: string, ...rest: readonly string[]): Promise<CommandResult> {
    const { cniConfDir, cniBinDir } = this.#lab.directory.node(NODE);
    const enter = ['nsenter', `--net=${netnsPath(this.#lab.netns(NODE))}`];
    const argv = [...enter, program, verb, cniConfDir, cniBinDir, this.#cacheDir, ...rest];
    return runCommand(argv, { timeoutMs: CALL_TIMEOUT_MS });
  }

  async must(verb: string, ...rest: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.call(verb, ...rest);
    assert.equal(exitCode, 0, `${verb}: ${stderr}`);
    return stdout;
  }

  ofPod = (verb: string, pod: string): Promise<string> => this.must(verb, pod, netnsPath(pod));
}

async function withPods(body: (lab: TestLab, pods: readonly string[]) => Promise<void>) {
  const options = { nodeCount: 1, podsPerNode: 0, families: ['ipv4', 'ipv6'] } as const;
  await withLab(options, async (lab) => {
    const pods = ['a', 'b', 'c'].map((letter) => `${lab.plan.spec.name}-${letter}`);
    try {
      for (const pod of pods) await mustRun(runCommand, ['ip', 'netns', 'add', pod]);
      await body(lab, pods);
    } finally {
      for (const pod of pods) await runCommand(['ip', 'netns', 'del', pod]);
    }
  });
}

const linksOf = (lab: TestLab): number =>
  lab.run(NODE, 'ip -br link show group 113').split('\n').filter(Boolean).length;

test('pods come, are checked, and go', async () => {
  await withPods(async (lab, [pod = '']) => {
    const runtime = new Runtime(lab, 'life');
    const result = JSON.parse(await runtime.ofPod('ADD', pod));
    assert.equal(result.ips.length, 2);
    await runtime.ofPod('CHECK', pod);
    await mustRun(runCommand, ['ip', '-n', pod, 'route', 'del', 'default']);
    const { exitCode, stderr } = await runtime.call('CHECK', pod, netnsPath(pod));
    assert.equal(exitCode, 1);
    assert.match(stderr, /route 0\.0\.0\.0\/0 is missing in the pod/);
    await runtime.ofPod('DEL', pod);
    await runtime.ofPod('DEL', pod);
    assert.equal(linksOf(lab), 0);
  });
});

test('GC takes what is not in the list, whether or not the runtime remembers it', async () => {
  await withPods(async (lab, [kept = '', cached = '', forgotten = '']) => {
    const runtime = new Runtime(lab, 'remembers');
    for (const pod of [kept, cached]) await runtime.ofPod('ADD', pod);
    await new Runtime(lab, 'lost').ofPod('ADD', forgotten);
    assert.equal(linksOf(lab), 3);
    await runtime.must('GC', kept);
    assert.equal(linksOf(lab), 1);
    await runtime.ofPod('CHECK', kept);
    await runtime.must('GC');
    assert.equal(linksOf(lab), 0);
  });
});

test('STATUS is silent while all is well, and says what is not', async () => {
  await withPods(async (lab) => {
    const runtime = new Runtime(lab, 'status');
    assert.equal(await runtime.must('STATUS'), '');
    await lab.endAgent(NODE, 'SIGKILL');
    const { exitCode, stderr } = await runtime.call('STATUS');
    assert.equal(exitCode, 1);
    assert.match(stderr, /code 50: .*agent/);
    lab.startAgent(NODE);
    const isWell = async (): Promise<boolean> => (await runtime.call('STATUS')).exitCode === 0;
    await until('STATUS is silent again', isWell, CALL_TIMEOUT_MS);
  });
});
