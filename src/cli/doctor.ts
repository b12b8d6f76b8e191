// `poplin doctor [--json] [--bundle FILE] [--run-dir DIR]`: looks for what usually is wrong with a
// node's network, and says what to do. Works with the agent away and with the API away. Exit code 1
// when anything was found.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { diagnose } from '../doctor/diagnose.ts';
import { buildBundle } from '../doctor/gather/bundle.ts';
import { gatherFacts } from '../doctor/gather/gather.ts';
import { placesOf } from '../doctor/gather/places.ts';
import { renderDiagnosis } from '../doctor/render.ts';
import { runCommand } from '../kernel/run-command.ts';
import { systemClock } from '../lib/clock.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { CommandIo } from './io.ts';
import { EXIT_CHECK_FAILED, EXIT_OK, EXIT_USAGE } from './io.ts';
import { VERSION } from './version.ts';

type DoctorOptions = {
  readonly json: boolean;
  readonly runDir: string;
  /** '' for none. */
  readonly bundle: string;
};

export async function doctorCommand(args: readonly string[], io: CommandIo): Promise<number> {
  let options: DoctorOptions;
  try {
    options = parse(args);
  } catch (error) {
    io.err(`poplin doctor: ${describeError(error)}\n`);
    return EXIT_USAGE;
  }
  const places = placesOf(options.runDir, process.env);
  const effects = { clock: systemClock, run: runCommand };
  const facts = await gatherFacts({ places, ...effects, identifier: process.pid });
  const diagnosis = diagnose(facts, VERSION);
  io.out(options.json ? `${JSON.stringify(diagnosis)}\n` : renderDiagnosis(diagnosis));
  if (options.bundle !== '') {
    writeBundle(options.bundle, await buildBundle({ places, facts, diagnosis, ...effects }));
    io.err(`written to ${options.bundle}: look through it before you give it away\n`);
  }
  return diagnosis.healthy ? EXIT_OK : EXIT_CHECK_FAILED;
}

/** Readable by root alone: names, addresses and configuration of the cluster are in it. */
function writeBundle(path: string, bytes: Buffer): void {
  try {
    writeFileSync(path, bytes, { mode: 0o600 });
  } catch (error) {
    throw new AppError('FILE', `write ${path}`, 'the archive cannot be written there', error);
  }
}

function parse(args: readonly string[]): DoctorOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      bundle: { type: 'string', default: '' },
      'run-dir': { type: 'string', default: process.env.POPLIN_RUN_DIR ?? '/run/poplin' },
    },
  });
  return { json: values.json, runDir: values['run-dir'], bundle: values.bundle };
}
