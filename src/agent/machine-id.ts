// What tells this machine from another that gets its name: written once, when it was installed.

import { readFileSync } from 'node:fs';
import { AppError } from '../lib/errors.ts';

/** Throws AppError. */
export function readMachineId(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new AppError('FILE', `read ${path}`, "the machine's identity is not there", error);
  }
}
