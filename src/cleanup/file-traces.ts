// The files of Poplin on a node. They are removed by their names, and a directory only when nothing
// else is in it: its path may be one that somebody else uses as well.

import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CONFLIST_NAME, NETWORK_NAME } from '../cni/conflist.ts';
import { PATHS_NAME } from '../cni/install.ts';
import { AppError, describeError } from '../lib/errors.ts';

export type FilePlaces = {
  readonly stateDir: string;
  readonly runDir: string;
  readonly birdDir: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
};

/** Matches whole names; what is being written has a further extension, as a format to come has. */
const named = (...names: readonly string[]): RegExp =>
  new RegExp(`^(?:${names.map((name) => name.replaceAll('.', '\\.')).join('|')})$`);

const STATE_NAMES = named(
  ...['attachments', 'attachments.spare', 'tombstones', 'cluster.json', 'holding.json'],
  ...['last-good-net-conf.json', 'original-sysctls.json', 'retired-families.json'],
);
/** The archive is what docs/doctor.md has made there. */
const RUN_NAMES = named('cni.sock', 'admin.sock', 'subnet.env', 'agent.json', 'poplin.tgz');
const BIRD_NAMES = named(
  ...['bird.conf', 'candidate.conf', 'bird.ctl', 'bird.refused', 'bird.ran'],
);
const EXTENSION = /\.(?:tmp|new|format-\d+)$/;

/** With it the runtime starts pods. */
export const conflistIn = ({ cniConfDir }: FilePlaces): readonly string[] =>
  present([join(cniConfDir, CONFLIST_NAME), join(cniConfDir, `.${CONFLIST_NAME}.tmp`)]);

export const executableIn = ({ cniBinDir }: FilePlaces): readonly string[] =>
  present(
    [NETWORK_NAME, PATHS_NAME].flatMap((name) => [
      join(cniBinDir, name),
      join(cniBinDir, `.${name}.tmp`),
    ]),
  );

export const birdFilesIn = ({ birdDir }: FilePlaces): readonly string[] =>
  inside(birdDir, BIRD_NAMES);

export const runFilesIn = ({ runDir }: FilePlaces): readonly string[] => inside(runDir, RUN_NAMES);

/** What was recorded of sysctls is among them: they go last. */
export const stateFilesIn = ({ stateDir }: FilePlaces): readonly string[] =>
  inside(stateDir, STATE_NAMES);

/** Throws AppError. */
export function removeFile(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    throw new AppError('FILE', `remove ${path}`, describeError(error));
  }
}

/** Why the directory stays; '' when it is gone, undefined when there was none. */
export function removeDirectory(directory: string): string | undefined {
  try {
    rmdirSync(directory);
    return '';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') {
      return `there is something else in it: ${readdirSync(directory).join(', ')}`;
    }
    return describeError(error);
  }
}

function inside(directory: string, names: RegExp): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => names.test(name.replace(EXTENSION, '')))
    .sort()
    .map((name) => join(directory, name));
}

const present = (paths: readonly string[]): readonly string[] =>
  paths.filter((path) => existsSync(path));
