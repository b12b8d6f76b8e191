// The version of Poplin: package.json's, put into the bundle at build time. One place, so that
// image, manifests and `poplin version` cannot differ.

import packageJson from '../../package.json' with { type: 'json' };
import type { CommandIo } from './io.ts';
import { EXIT_OK } from './io.ts';

export const VERSION: string = packageJson.version;

export async function versionCommand(_args: readonly string[], io: CommandIo): Promise<number> {
  io.out(`poplin ${VERSION}\n`);
  return EXIT_OK;
}
