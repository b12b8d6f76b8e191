// The real CNI executable for tests: built, installed into a directory of the test with its own
// socket and tombstones, and started as a container runtime does.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { installCni } from '../../../src/cni/install.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
export const BUILT = join(ROOT, 'cni/build/poplin');

/** Says on stderr, with an exit code of its own, when it does what C leaves undefined. */
export const SANITIZED = join(ROOT, 'cni/build/poplin-sanitized');
export const SANITIZER_EXIT = 86;

/** Costs nothing when it is newer than its source. */
export function make(...words: readonly string[]): void {
  execFileSync('make', ['-s', '-C', join(ROOT, 'cni'), ...words], { stdio: 'pipe' });
}

export type Installation = {
  readonly directory: string;
  readonly executable: string;
  readonly socketPath: string;
  readonly tombstoneDirectory: string;
  readonly remove: () => void;
};

/** `executable`: one of those that the Makefile builds. */
export async function install(
  addWaitMs: number | 'as shipped' = 300,
  executable = BUILT,
): Promise<Installation> {
  make(`build/${basename(executable)}`);
  const directory = mkdtempSync(join(tmpdir(), 'poplin-cni-'));
  const socketPath = join(directory, 'run/cni.sock');
  const tombstoneDirectory = join(directory, 'state/tombstones');
  const binDir = join(directory, 'bin');
  const patience = addWaitMs === 'as shipped' ? {} : { addWaitMs };
  const paths = { socketPath, tombstoneDirectory, ...patience };
  await installCni({ executable, binDir, paths });
  return {
    directory,
    executable: join(binDir, 'poplin'),
    socketPath,
    tombstoneDirectory,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export type Call = {
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
  /** Of `ip netns exec`, for an agent and a runtime that are not in the tests' own namespace. */
  readonly netns?: string;
};

export type Outcome = {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
};

export function call(executable: string, { env, stdin = '', netns }: Call): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const sanitizers = {
      // To look for leaks takes longer than the call, and the program ends anyway.
      ASAN_OPTIONS: `exitcode=${SANITIZER_EXIT}:detect_leaks=0`,
      UBSAN_OPTIONS: `exitcode=${SANITIZER_EXIT}`,
    };
    const [command, args] =
      netns === undefined ? [executable, []] : ['ip', ['netns', 'exec', netns, executable]];
    const child = spawn(command, args, { env: { PATH: process.env.PATH, ...sanitizers, ...env } });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    // The executable may answer without having read all: EPIPE is not of interest here.
    child.stdin.on('error', () => undefined);
    child.on('close', (exitCode, signal) =>
      resolve({
        exitCode,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
        durationMs: performance.now() - startMs,
      }),
    );
    child.stdin.end(stdin);
  });
}

export const envOf = (
  command: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> => ({
  CNI_COMMAND: command,
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
  ...more,
});
