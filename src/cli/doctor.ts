// `poplin doctor [--json] [--bundle FILE] [--run-dir DIR]`: looks for what usually is wrong with a
// node's network, and says what to do. Works with the agent away and with the API away. Exit code 1
// when anything was found.

import { parseArgs } from 'node:util';
import { diagnose } from '../doctor/diagnose.ts';
import { gatherFacts } from '../doctor/gather/gather.ts';
import { placesOf } from '../doctor/gather/places.ts';
import { renderDiagnosis } from '../doctor/render.ts';
import { runCommand } from '../kernel/run-command.ts';
import { systemClock } from '../lib/clock.ts';
import { describeError } from '../lib/errors.ts';
import type { CommandIo } from './io.ts';
import { EXIT_CHECK_FAILED, EXIT_OK, EXIT_USAGE } from './io.ts';
import { VERSION } from './version.ts';

type DoctorOptions = { readonly json: boolean; readonly runDir: string };

export async function doctorCommand(args: readonly string[], io: CommandIo): Promise<number> {
  let options: DoctorOptions;
  try {
    options = parse(args);
  } catch (error) {
    io.err(`poplin doctor: ${describeError(error)}\n`);
    return EXIT_USAGE;
  }
  const places = placesOf(options.runDir, process.env);
  const parts = { clock: systemClock, run: runCommand, identifier: process.pid };
  const diagnosis = diagnose(await gatherFacts({ places, ...parts }), VERSION);
  io.out(options.json ? `${JSON.stringify(diagnosis)}\n` : renderDiagnosis(diagnosis));
  return diagnosis.healthy ? EXIT_OK : EXIT_CHECK_FAILED;
}

function parse(args: readonly string[]): DoctorOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      'run-dir': { type: 'string', default: process.env.POPLIN_RUN_DIR ?? '/run/poplin' },
    },
  });
  return { json: values.json, runDir: values['run-dir'] };
}
