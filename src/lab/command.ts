// Runs other programs (`ip`, `nsenter`, CNI executables) to their end, with a bound on time and on
// output. A program that fails is an expected outcome for some callers, so `run` returns its exit
// code; `mustRun` is for the rest. Long-lived processes are not started here but by processes.ts.

import { spawn } from 'node:child_process';
import { AppError } from '../lib/errors.ts';

export type CommandOptions = {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly stop?: AbortSignal;
};

export type CommandResult = {
  /** -1 when a signal ended the program. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};

export type RunCommand = (
  argv: readonly string[],
  options?: CommandOptions,
) => Promise<CommandResult>;

const DEFAULT_TIMEOUT_MS = 30_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export const runCommand: RunCommand = (argv, options = {}) =>
  new Promise((resolve, reject) => {
    const [file = '', ...args] = argv;
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.stop === undefined ? {} : { signal: options.stop }),
    });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.on('error', (error) => {
      reject(new AppError('LAB', `run ${argv.join(' ')}`, error.message, error));
    });
    child.on('close', (code, signal) => {
      const ended = signal === null ? '' : `ended by ${signal}\n`;
      resolve({ exitCode: code ?? -1, stdout: stdout(), stderr: stderr() + ended });
    });
    // A program may end without reading its input; its exit code tells what matters.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });

/** Gathers text up to the bound; what comes after is dropped, so that memory stays bounded too. */
function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= OUTPUT_BYTES_MAX) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

/** Standard output of a program that has to succeed. */
export async function mustRun(
  run: RunCommand,
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await run(argv, options);
  if (result.exitCode === 0) return result.stdout;
  const said = result.stderr.trim() || result.stdout.trim() || 'no message';
  throw new AppError('LAB', argv.join(' '), `exit code ${result.exitCode}: ${said}`);
}

/** Many `ip` commands in one process, in one namespace. The first that fails ends the batch. */
export async function ipBatch(
  run: RunCommand,
  netns: string,
  lines: readonly string[],
): Promise<string> {
  if (lines.length === 0) return '';
  return mustRun(run, ['ip', '-n', netns, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}
