// A machine for deploy/kind/up.sh and deploy/check.sh: stand-ins for kind, docker and kubectl, and
// of all other programs only those that the scripts may use.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../unit/deploy/manifests.ts';

const STAND_IN = join(import.meta.dirname, 'stand-in.sh');
const STAND_INS = ['kind', 'docker', 'kubectl'] as const;
/** As POSIX has them, and Linux' readlink -f. */
const PROGRAMS = [
  ...['sh', 'env', 'sed', 'sort', 'grep', 'tar', 'tr', 'readlink', 'dirname'],
  ...['ls', 'cp', 'rm', 'mkdir', 'cat'],
];
const TIMEOUT_MS = 120_000;

export const PODS = ['node-a 10.244.0.9', 'node-b 10.244.1.9', 'node-c 10.244.2.9'];
export const DUAL_PODS = PODS.map((line, index) => `${line} fd00:10:244:${index}::9`);

export type Outcome = {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'poplin-kind-'));
  readonly #bin = join(this.directory, 'bin');
  readonly #state = join(this.directory, 'state');

  constructor(without = '') {
    mkdirSync(this.#bin);
    mkdirSync(this.#state);
    for (const name of STAND_INS.filter((each) => each !== without)) {
      writeFileSync(join(this.#bin, name), readFileSync(STAND_IN), { mode: 0o755 });
    }
    for (const name of PROGRAMS) symlinkSync(pathOf(name), join(this.#bin, name));
    this.havePods(PODS);
  }

  /** Lines of a node and the addresses of its pod. */
  havePods(lines: readonly string[]): void {
    const pods = lines.map((line, index) => `poplin-check-${index} ${line}\n`);
    this.write('pods', pods.join(''));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.#state, name), text);
  }

  run(command: string, environment: Readonly<Record<string, string>> = {}): Outcome {
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
      ...{ cwd: ROOT, encoding: 'utf8', timeout: TIMEOUT_MS },
      env: { PATH: this.#bin, STAND_IN: this.#state, ...environment },
    });
    return { exitCode: status, stdout, stderr };
  }

  /** What the stand-ins were called with, without paths of this machine; then forgotten. */
  calls(): readonly string[] {
    const path = join(this.#state, 'calls');
    if (!existsSync(path)) return [];
    const text = readFileSync(path, 'utf8').replaceAll(`${ROOT}/`, '').replaceAll(ROOT, '.');
    rmSync(path);
    return text.trimEnd().split('\n');
  }

  cluster(name: string): string {
    return readFileSync(join(this.#state, 'clusters', name), 'utf8');
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}

function pathOf(name: string): string {
  const places = ['/usr/bin', '/bin'].map((folder) => join(folder, name));
  const found = places.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`this machine has no ${name}`);
  return found;
}
