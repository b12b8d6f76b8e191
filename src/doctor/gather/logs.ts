// The logs of the agent and of BIRD, as far as it can be known where they are: the file that the
// agent writes to, the journal of its unit, or the files of its pod on the node. The newest part.

import { closeSync, fstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { RunCommand } from '../../kernel/foreign-firewall.ts';
import type { BundleFile } from '../bundle/tar.ts';
import type { Places } from './places.ts';

const TAIL_BYTES = 2 * 1024 * 1024;
const POD_LOGS = '/var/log/pods';
const UNITS = ['poplin', 'poplin-bird'];
const LINES = '5000';

export async function readLogs(places: Places, run: RunCommand): Promise<readonly BundleFile[]> {
  const own = [1, 2].flatMap((number) => fileBehind(places.agentPid, number));
  const paths = [...new Set([...own, ...podLogs()])];
  const files = paths.map((path, index) => ({ name: `logs/${index}.log`, text: tailOf(path) }));
  const journals = await Promise.all(UNITS.map((unit) => journalOf(unit, run)));
  const found = [...files, ...journals.flat()];
  const none = { name: 'logs/README', text: 'No log is known here: see kubectl -n poplin logs.\n' };
  return found.length === 0 ? [none] : found;
}

/** What a process's output goes to, if that is a file. */
function fileBehind(pid: number | undefined, number: number): readonly string[] {
  if (pid === undefined) return [];
  try {
    const target = readlinkSync(`/proc/${pid}/fd/${number}`);
    return target.startsWith('/') && !target.startsWith('/dev/') ? [target] : [];
  } catch {
    return []; // It has ended.
  }
}

function podLogs(): readonly string[] {
  const pods = namesIn(POD_LOGS).filter((name) => name.startsWith('poplin_'));
  return pods.flatMap((pod) =>
    namesIn(join(POD_LOGS, pod)).flatMap((container) =>
      namesIn(join(POD_LOGS, pod, container))
        .filter((name) => name.endsWith('.log'))
        .map((name) => join(POD_LOGS, pod, container, name)),
    ),
  );
}

function tailOf(path: string): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
      const length = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
      return bytes.toString('utf8', 0, length);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return `${path}: ${String(error)}\n`;
  }
}

async function journalOf(unit: string, run: RunCommand): Promise<readonly BundleFile[]> {
  try {
    const words = ['-u', unit, '-n', LINES, '--no-pager', '-o', 'short-iso'];
    const { stdout, exitCode } = await run(['journalctl', ...words], {});
    if (exitCode !== 0 || !stdout.includes(unit)) return [];
    return [{ name: `logs/journal-${unit}.log`, text: stdout }];
  } catch {
    return []; // No journal on this machine.
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
