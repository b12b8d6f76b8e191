// Reads the rulesets that others keep in this network namespace, and loads the few lines that
// `ForwardRules: insert` puts into them, both by the nft program. Listing a large ruleset costs a
// process and many milliseconds, so it is done at start, on a slow tick and for `doctor`, never on
// the data path. Sets are listed without their elements (`-t`), which no one here looks at.

import { AppError } from '../lib/errors.ts';

export type CommandResult = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** Runs a program in the namespace in question; rejects only when it cannot be started at all. */
export type RunCommand = (
  command: readonly [program: string, ...args: string[]],
  options: { readonly stdin?: string; readonly stop?: AbortSignal },
) => Promise<CommandResult>;

/** The JSON of libnftables-json(5), for parseRuleset in src/desired. */
export async function readRuleset(run: RunCommand, stop?: AbortSignal): Promise<unknown> {
  const stdout = await runNft(run, ['-j', '-t', 'list', 'ruleset'], { ...(stop && { stop }) });
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new AppError('NFT', 'list ruleset', 'nft printed something that is not JSON', error);
  }
}

/** Loads nft text as one transaction; '' is nothing to do. */
export async function loadForeignText(
  run: RunCommand,
  text: string,
  stop?: AbortSignal,
): Promise<void> {
  if (text === '') return;
  await runNft(run, ['-f', '-'], { stdin: text, ...(stop && { stop }) });
}

async function runNft(
  run: RunCommand,
  args: readonly string[],
  options: { readonly stdin?: string; readonly stop?: AbortSignal },
): Promise<string> {
  const operation = `nft ${args.join(' ')}`;
  let result: CommandResult;
  try {
    result = await run(['nft', ...args], options);
  } catch (error) {
    throw new AppError('NFT', operation, 'the program could not be run', error);
  }
  const { exitCode, stdout, stderr } = result;
  if (exitCode !== 0) throw new AppError('NFT', operation, stderr.trim() || `exit ${exitCode}`);
  return stdout;
}
