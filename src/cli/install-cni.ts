// `poplin install-cni`: puts the CNI executable where the runtime looks for plugins. The executable
// is the one that `make -C cni` built, or the one that the image carries.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { installCni } from '../cni/install.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { CommandIo } from './io.ts';
import { EXIT_OK } from './io.ts';

export async function installCniCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const options = parse(args);
  await installCni({
    executable: options.executable,
    binDir: options.binDir,
    paths: {
      socketPath: join(options.runDir, 'cni.sock'),
      tombstoneDirectory: join(options.stateDir, 'tombstones'),
    },
  });
  io.out(`installed ${join(options.binDir, 'poplin')}\n`);
  return EXIT_OK;
}

function parse(
  args: readonly string[],
): Record<'executable' | 'binDir' | 'runDir' | 'stateDir', string> {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        executable: { type: 'string' },
        'cni-bin-dir': { type: 'string', default: '/opt/cni/bin' },
        'run-dir': { type: 'string', default: '/run/poplin' },
        'state-dir': { type: 'string', default: '/var/lib/poplin' },
      },
    });
    return {
      executable: values.executable ?? findExecutable(),
      binDir: values['cni-bin-dir'],
      runDir: values['run-dir'],
      stateDir: values['state-dir'],
    };
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('USAGE', 'poplin install-cni', describeError(error));
  }
}

/** Beside the program: `cni/build/poplin` of the directory above the bundle. */
function findExecutable(): string {
  const program = process.argv[1] ?? '.';
  const path = join(dirname(program), '..', 'cni', 'build', 'poplin');
  if (existsSync(path)) return path;
  throw new AppError(
    'USAGE',
    'poplin install-cni',
    `${path} is not there: run "make -C cni", or name the file by --executable`,
  );
}
