// The composition root: picks the command, gives it the real effects and ends the process with its
// exit code. Commands are imported when they are asked for, so that none pays for another.

import type { CommandIo } from './cli/io.ts';
import { EXIT_CHECK_FAILED, EXIT_USAGE } from './cli/io.ts';
import { AppError, describeError } from './lib/errors.ts';

type Command = (args: readonly string[], io: CommandIo) => Promise<number>;

const COMMANDS: Readonly<Record<string, { help: string; load: () => Promise<Command> }>> = {
  agent: {
    help: 'run the agent of this node',
    load: async () => (await import('./cli/agent.ts')).agentCommand,
  },
  lab: {
    help: 'up, check, switch, exec, status, down: several nodes on this machine',
    load: async () => (await import('./cli/lab.ts')).labCommand,
  },
  status: {
    help: 'how this node is, or the whole cluster [--all] [--json] [--run-dir DIR]',
    load: async () => (await import('./cli/status.ts')).statusCommand,
  },
  doctor: {
    help: 'what is wrong with this node, and what to do [--json] [--bundle FILE] [--run-dir DIR]',
    load: async () => (await import('./cli/doctor.ts')).doctorCommand,
  },
  cleanup: {
    help: 'put this node back as it was before Poplin [--dry-run] [--force]',
    load: async () => (await import('./cli/cleanup.ts')).cleanupCommand,
  },
  config: {
    help: 'check FILE: whether a net-conf.json is valid',
    load: async () => (await import('./cli/config-check.ts')).configCommand,
  },
  'install-cni': {
    help: 'install the CNI executable',
    load: async () => (await import('./cli/install-cni.ts')).installCniCommand,
  },
  version: {
    help: 'print the version',
    load: async () => (await import('./cli/version.ts')).versionCommand,
  },
};

const io: CommandIo = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { help }]) => `  ${name.padEnd(12)} ${help}`);
  return `usage: poplin COMMAND\n${lines.join('\n')}\n`;
}

async function run([name = '', ...args]: readonly string[]): Promise<number> {
  const command = COMMANDS[name];
  if (command === undefined) {
    const asked = name === '--help' || name === '-h' || name === 'help';
    (asked ? io.out : io.err)(asked ? usage() : `poplin: no command "${name}"\n${usage()}`);
    return asked ? 0 : EXIT_USAGE;
  }
  try {
    return await (await command.load())(args, io);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    io.err(`${describeError(error)}\n`);
    return error.code === 'USAGE' || error.code === 'CONFIG_INVALID'
      ? EXIT_USAGE
      : EXIT_CHECK_FAILED;
  }
}

// No top-level await: the bundle is CommonJS. What rejects here is a fault of ours and ends the
// process.
void run(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
