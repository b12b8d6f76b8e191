// What a lab could leave on the machine, as texts to compare. Only what it could have made: other
// labs, and what their users do beside this one, are not looked at.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { LABS_DIRECTORY } from '../../src/lab/lab-directory.ts';
import { namespaceNames } from '../../src/lab/netns.ts';

const COMMANDS = [
  'ip -o link',
  'ip route show table all',
  'ip -6 route show table all',
  'ip rule',
  'ip -6 rule',
  'ip nexthop',
  'nft --stateless list ruleset',
];

const RUN_DIRECTORIES = [
  '/run',
  '/run/poplin',
  '/var/lib/poplin',
  '/etc/cni/net.d',
  '/opt/cni/bin',
];

const sorted = (lines: readonly string[]): string => lines.toSorted().join('\n');

/** Of the machine's own namespace. */
export function machineText(): string {
  const kernel = COMMANDS.map((command) => {
    const [program = '', ...args] = command.split(' ');
    const text = execFileSync(program, args, { encoding: 'utf8' });
    // Routes that a router has told have a time that goes by.
    const lines = text
      .replaceAll(/ expires \d+sec/g, '')
      .trimEnd()
      .split('\n');
    return `$ ${command}\n${sorted(lines)}`;
  });
  const files = RUN_DIRECTORIES.map((path) => `${path}: ${entriesOf(path).join(' ')}`);
  return [...kernel, ...files].join('\n');
}

/** Namespaces, directories and processes that carry the lab's name. */
export const tracesOf = (name: string): string[] => [
  ...namespaceNames().filter((netns) => netns.startsWith(`${name}-`)),
  ...entriesOf(LABS_DIRECTORY).filter((entry) => entry === name),
  ...processesWith(name),
];

function entriesOf(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    return []; // Never made on this machine.
  }
}

/** By their command line, their environment and their network namespace. */
function processesWith(name: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((pid) => {
      const words = readProcess(pid, 'cmdline').split('\0').join(' ');
      return words.includes(`${name}-`) || words.includes(`/${name}/`) ? [`${pid} ${words}`] : [];
    });
}

function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // It has ended meanwhile.
  }
}
