// An agent at rest, watched by strace while it makes one pass after the other: it reads, and it
// changes nothing. The same watch sees the writes when there is something to do, so that a watch
// that sees nothing cannot pass.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestLab } from '../lab/lab.ts';
import { until, withLab } from '../lab/lab.ts';

const PASSES = 6;

/** nlmsg_type of RTM_GETROUTE and RTM_NEWROUTE (linux/rtnetlink.h). */
const RTM_GETROUTE = 26;
const RTM_NEWROUTE = 24;
/** NFT_MSG_GET* of linux/netfilter/nf_tables.h; everything else of nf_tables changes something. */
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_GETS: ReadonlySet<number> = new Set([1, 4, 7, 10, 13, 16, 19]);
/** The nft program, and sysctls by their files. */
const OTHER_WRITES = [/execve\(/, /openat\(.*\/sys\/net.*, 0x[0-9a-f]*[12]\b/];

const messageTypes = (line: string): number[] =>
  [...line.matchAll(/nlmsg_type=(0x[0-9a-f]+|\d+)/g)].map(([, type]) => Number(type));

/** rtnetlink counts in fours from RTM_BASE (16): new, del, get, set. */
function changesSomething(type: number): boolean {
  if (type >> 8 === NFNL_SUBSYS_NFTABLES) return !NFT_GETS.has(type & 0xff);
  return (type - 16) % 4 !== 2;
}

const writesIn = (lines: readonly string[]): string[] =>
  lines.filter(
    (line) =>
      messageTypes(line).some(changesSomething) || OTHER_WRITES.some((write) => write.test(line)),
  );

/** What the agent of node1 asked of the system while `work` went on. */
async function traced(lab: TestLab, work: () => Promise<void>): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-strace-'));
  const file = join(directory, 'trace');
  const { pid } = lab.agent('node1');
  const calls = 'trace=sendto,sendmsg,openat,execve';
  const strace = spawn('strace', ['-f', '-X', 'raw', '-e', calls, '-o', file, '-p', `${pid}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => strace.once('exit', resolve));
  let said = '';
  strace.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  try {
    await until('strace is attached', () => said.includes('attached'));
    await work();
  } finally {
    strace.kill('SIGINT');
    await ended;
  }
  const lines = readFileSync(file, 'utf8').split('\n');
  rmSync(directory, { recursive: true });
  return lines;
}

/** Somebody else's route is news for the agent, and so a pass, but nothing to change. */
async function makePasses(lab: TestLab, count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    const { reconcile } = await lab.status('node1');
    const verb = made % 2 === 0 ? 'add' : 'del';
    lab.run('node1', `ip route ${verb} unreachable 198.18.0.0/15`);
    await lab.untilStatus('node1', 'one more pass', (status) => {
      return status.reconcile.passes > reconcile.passes;
    });
  }
}

test('an agent with nothing to change writes nothing', async () => {
  await withLab({ families: ['ipv4', 'ipv6'] }, async (lab) => {
    await makePasses(lab, 2);
    const quiet = await traced(lab, () => makePasses(lab, PASSES));
    assert.ok(
      quiet.some((line) => messageTypes(line).includes(RTM_GETROUTE)),
      'the passes read the kernel',
    );
    assert.deepEqual(writesIn(quiet), []);

    const busy = await traced(lab, async () => {
      lab.run('node1', 'ip route del 10.244.1.0/24 proto 113');
      await until('the route is back', () => {
        return lab.run('node1', 'ip route show proto 113').includes('10.244.1.0/24');
      });
    });
    const repairs = writesIn(busy).flatMap(messageTypes);
    assert.ok(repairs.includes(RTM_NEWROUTE), 'a repair is seen');
  });
});

/** Field 19 of /proc/PID/stat, by thread; the name in field 2 may have spaces. */
function nicenessOfThreads(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });
}

test('an agent comes before ordinary processes, with all its threads', async () => {
  await withLab({ nodeCount: 1 }, async (lab) => {
    const { pid } = lab.agent('node1');
    assert.deepEqual([...new Set(nicenessOfThreads(pid))], [-10]);
    assert.deepEqual([...new Set(nicenessOfThreads(process.pid))], [getPriority()]);
  });
});
