// `poplin lab` as a user runs it: words, output, exit codes; a run that was killed half way; two
// labs side by side. Needs root.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { before, describe, test } from 'node:test';
import type { CheckResult } from '../../src/lab/check.ts';
import { LabDirectory } from '../../src/lab/lab-directory.ts';
import { namespaceNames } from '../../src/lab/netns.ts';
import { belongsToLab } from '../../src/lab/plan.ts';
import { isAlive } from '../../src/lab/processes.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { buildProgram } from './lab.ts';

const TIMEOUT_MS = 300_000;
const ENDS_WITHIN_MS = 60_000;
const KILLED_RUNS = 4;

const { program } = buildProgram();
const [node = '', ...nodeArguments] = program;

type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

function lab(line: string, name?: string): Ran {
  const [verb = '', ...rest] = line.split(' ').filter((word) => word !== '');
  const named = name === undefined ? [] : ['--name', name];
  const argv = [...nodeArguments, 'lab', verb, ...named, ...rest];
  const ran = spawnSync(node, argv, { encoding: 'utf8', timeout: TIMEOUT_MS });
  return { code: ran.status, out: ran.stdout, err: ran.stderr };
}

function must(line: string, name: string): string {
  const { code, out, err } = lab(line, name);
  assert.equal(code, 0, `lab ${line}: ${out}${err}`);
  return out;
}

/** The name of a lab that is down after the test. */
function nameFor(context: TestContext, label: string): string {
  const name = `pc${process.pid}-${label}`;
  context.after(() => void lab('down', name));
  return name;
}

const nothingLeft = (name: string): void => {
  assert.deepEqual(
    namespaceNames().filter((netns) => belongsToLab(name, netns)),
    [],
  );
  assert.equal(existsSync(new LabDirectory(name).path), false);
};

/** How long a whole `up` of the kind that is killed below takes on this machine now. */
function upDurationMs(): number {
  const name = `pc${process.pid}-measure`;
  const startedMs = systemClock.monotonicMs();
  must('up --nodes 2 --pods 1', name);
  const durationMs = systemClock.monotonicMs() - startedMs;
  must('down', name);
  return durationMs;
}

/** Processes whose command line names the lab: agents (by their paths) and its API. */
const processesOf = (name: string): string[] =>
  readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return [];
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      const isOfLab = words.some((word) => word === name || word.includes(`/${name}/`));
      return isOfLab ? [words.join(' ')] : [];
    } catch {
      return []; // It has ended.
    }
  });

/** The machine's own namespace, which no lab may change. */
function machine(): string {
  const show = (argv: readonly string[]): string =>
    execFileSync('ip', ['-o', ...argv], { encoding: 'utf8' });
  return [
    show(['link', 'show']).replace(/qlen \d+/g, ''),
    ...[show(['-4', 'route', 'show', 'table', 'all']), show(['rule', 'show'])],
    execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' }),
  ].join('\n');
}

describe('poplin lab', () => {
  test('goes the whole way: up, check, status, exec, switch, down', (context) => {
    const name = nameFor(context, 'whole');
    const before = machine();
    must('up --nodes 2 --pods 1 --family dual', name);
    const matrix = must('check', name);
    assert.match(matrix, /4 node2-pod1 +ok +ok +ok +-\n/);
    const checked = JSON.parse(must('check --json', name)) as CheckResult;
    assert.equal(checked.ok, true);
    const members = ['from', 'to', 'family', 'protocol', 'bytes', 'ok', 'seenSource', 'error'];
    for (const pair of checked.pairs) {
      const known = Object.keys(pair).filter((member) => members.includes(member));
      assert.deepEqual(known.sort(), [...members].sort());
    }
    assert.match(must('status', name), /^node2 +pid \d+ +yes +vxlan +10\.244\.1\.0\/24/m);
    assert.match(must('exec node1 -- ip address show eth0', name), /192\.168\.100\.11\/24/);
    assert.match(must('exec node1-pod1 -- ip address show eth0', name), /10\.244\.0\.2\/32/);
    assert.match(must('exec outside -- ip address show eth0', name), /198\.51\.100\.2\/24/);
    assert.match(must('exec node2 -- poplin status', name), /node2, poplin .*: ready/);
    assert.match(must('switch host-gw', name), /every node had moved to host-gw after \d+ ms/);
    must('check', name);
    assert.match(must('exec node1 -- ip route', name), /10\.244\.1\.0\/24 .*via 192\.168\.100\.12/);
    assert.match(must('down', name), /is gone/);
    nothingLeft(name);
    assert.deepEqual(processesOf(name), []);
    assert.equal(machine(), before);
  });

  test('says by its exit code that something cannot reach something', (context) => {
    const name = nameFor(context, 'broken');
    must('up --nodes 2 --pods 1', name);
    must('exec node1 -- ip link set eth0 down', name);
    const { code, out } = lab('check', name);
    assert.equal(code, 1);
    assert.match(out, /node1-pod1 -> node2-pod1/);
    assert.equal(lab('exec node1 -- false', name).code, 1);
    must('down', name);
  });

  test('keeps what is in force when a switch names no backend', (context) => {
    const name = nameFor(context, 'nonsense');
    must('up --nodes 2 --pods 1', name);
    const { code, err } = lab('switch vxlna', name);
    assert.equal(code, 2);
    assert.match(err, /Backend\.Type.*vxlna.*is no backend.*vxlan/);
    must('check', name);
    must('switch host-gw', name);
    must('down', name);
  });

  for (const [line, wanted] of [
    ['', /usage: poplin lab/],
    ['upp', /no command "upp"/],
    ['up --nodes none', /--nodes "none" is not a number/],
    ['up --colour', /--colour/],
    ['up three', /"three" is one word too many/],
    ['down --name ..', /--name ".." is not/],
    ['down --name a/../..', /--name "a\/..\/.." is not/],
    ['switch', /usage: poplin lab/],
    ['exec node1', /usage: poplin lab/],
  ] as const) {
    test(`"lab ${line}" is wrong usage`, () => {
      const { code, err } = lab(line);
      assert.equal(code, 2, err);
      assert.match(err, wanted);
    });
  }

  test('says that a lab is not up', () => {
    const { code, err } = lab('check', `pc${process.pid}-never`);
    assert.equal(code, 1);
    assert.match(err, /it is not up/);
    assert.equal(lab('down', `pc${process.pid}-never`).code, 0);
  });

  test('knows labs with the same addresses apart', (context) => {
    const names = ['side', 'side-by', 'side-by-side'].map((label) => nameFor(context, label));
    const [first = '', ...others] = names;
    for (const name of names) must('up --nodes 2 --pods 1', name);
    for (const name of names) must('check', name);
    must('down', first);
    nothingLeft(first);
    for (const name of others) must('check', name);
    for (const name of others) must('down', name);
    for (const name of names) nothingLeft(name);
  });
});

describe('a lab whose "up" was killed', () => {
  let wholeMs = 0;
  before(() => {
    wholeMs = upDurationMs();
  });

  for (let run = 0; run < KILLED_RUNS; run += 1) {
    const moment = (run + Math.random()) / KILLED_RUNS;
    const next = run % 2 === 0 ? 'down' : 'up';
    test(`after ${(moment * 100).toFixed(0)} % is gone by "${next}"`, async (context) => {
      const name = nameFor(context, `killed${run}`);
      const delayMs = moment * wholeMs;
      const argv = [...nodeArguments, 'lab', 'up', '--name', name, '--nodes', '2', '--pods', '1'];
      const child = spawn(node, argv, { stdio: 'ignore' });
      const ended = once(child, 'exit');
      await systemClock.sleep(delayMs);
      child.kill('SIGKILL');
      await ended;
      const orphans = new LabDirectory(name).processes();
      if (next === 'up') {
        must('up --nodes 2 --pods 1', name);
        must('check', name);
      }
      must('down', name);
      nothingLeft(name);
      assert.ok(!orphans.some(isAlive), 'processes of the killed run');
      // An API that was started but not yet recorded ends by itself, since its directory is gone.
      const endMs = systemClock.monotonicMs() + ENDS_WITHIN_MS;
      while (processesOf(name).length > 0 && systemClock.monotonicMs() < endMs) {
        await systemClock.sleep(100);
      }
      assert.deepEqual(processesOf(name), []);
    });
  }
});
