// The directory that the agent shares with BIRD. `bird.conf` is what BIRD starts by: the last text
// that it has taken for good. `candidate.conf` is one that is being tried, and `bird.refused` is
// where the sidecar says why BIRD did not start by bird.conf. Texts have passwords in them: each is
// mode 0600 from its first byte on, and belongs to the directory's owner.

import {
  closeSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

export type BirdFiles = {
  /** The paths as BIRD is told them. */
  readonly good: string;
  readonly candidate: string;
  /** undefined: there is none. */
  readGood(): string | undefined;
  /** For the first start: nobody has taken it yet. */
  writeGood(text: string): void;
  writeCandidate(text: string): void;
  /** The candidate becomes what BIRD starts by. */
  promote(): void;
  dropCandidate(): void;
  /** Why BIRD did not start; undefined when it has not refused. */
  refusal(): string | undefined;
};

const REFUSAL_MAX_LENGTH = 2_000;

export function birdFiles(directory: string): BirdFiles {
  const good = join(directory, 'bird.conf');
  const candidate = join(directory, 'candidate.conf');
  const write = (path: string, text: string): void => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const temporary = `${path}.tmp`;
    rmSync(temporary, { force: true });
    const { uid, gid } = statSync(directory);
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      fchownSync(descriptor, uid, gid);
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  };
  return {
    good,
    candidate,
    readGood: () => readText(good),
    writeGood: (text) => write(good, text),
    writeCandidate: (text) => write(candidate, text),
    promote: () => renameSync(candidate, good),
    dropCandidate: () => rmSync(candidate, { force: true }),
    refusal: () => readText(join(directory, 'bird.refused'))?.slice(0, REFUSAL_MAX_LENGTH).trim(),
  };
}

/** What cannot be read is written anew, and what is wrong is said then. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
