// Which BIRD a lab runs: the one that was named, the one that scripts/setup.sh has unpacked beside
// the checkout, or the machine's own. An unpacked one finds its libraries beside it.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export type BirdProgram = {
  readonly path: string;
  /** scripts/bird-run.sh, which runs it. */
  readonly script: string;
  /** What the script is started with. */
  readonly environment: Readonly<Record<string, string>>;
};

const UNPACKED = ['.cache', 'bird'];
const SYSTEM_PATHS = ['/usr/sbin/bird', '/usr/local/sbin/bird'];

/** undefined: there is none. */
export function findBird(given: string | undefined, checkout: string): BirdProgram | undefined {
  const unpacked = join(checkout, ...UNPACKED, 'usr', 'sbin', 'bird');
  const candidates = given === undefined ? [unpacked, ...SYSTEM_PATHS] : [given];
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) return undefined;
  const libraries = librariesBeside(path);
  return {
    path,
    script: join(checkout, 'scripts', 'bird-run.sh'),
    environment: {
      BIRD: path,
      BIRDCL: join(path, '..', 'birdcl'),
      ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }),
    },
  };
}

/** `usr/lib/x86_64-linux-gnu` of the tree that the program was unpacked into. */
function librariesBeside(path: string): string | undefined {
  if (SYSTEM_PATHS.includes(path)) return undefined;
  const lib = join(path, '..', '..', 'lib');
  if (!existsSync(lib)) return undefined;
  const triplet = readdirSync(lib).find((name) => name.endsWith('-linux-gnu'));
  return triplet === undefined ? undefined : join(lib, triplet);
}
