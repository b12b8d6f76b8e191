// Where a lab keeps what it must know after its command has ended: specification, processes, what
// was attached. One file per fact, each written before the thing that it is about is made, so that
// `down` finds everything also after a crash.

import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { assert } from '../lib/assert.ts';
import { AppError } from '../lib/errors.ts';
import { writeWhole } from '../lib/whole-file.ts';
import type { BirdProgram } from './bird-program.ts';
import type { LabSpec } from './plan.ts';
import { isLabName } from './plan.ts';
import type { LabProcess } from './processes.ts';

export const LABS_DIRECTORY = '/run/poplin-lab';

export type NodePaths = {
  readonly stateDir: string;
  readonly runDir: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
  /** Nobody writes there unless a runtime is given it: it is not even made. */
  readonly cniCacheDir: string;
  /** Likewise. */
  readonly hostLocalDir: string;
  readonly machineIdFile: string;
  readonly logFile: string;
  /** What the node's agent and its BIRD share. */
  readonly birdDir: string;
  readonly birdLogFile: string;
};

/** What `up` was told: the plan follows from the specification. */
export type LabRecord = {
  readonly spec: LabSpec;
  /** How this program is started again: for agents and the API. */
  readonly program: readonly string[];
  /** Of a real cluster; '' for the embedded API. */
  readonly kubeconfig: string;
  /** The embedded API gives nodes no podCIDRs, as without --allocate-node-cidrs. */
  readonly withoutPodCidrs?: boolean;
  /** Absent: Kubernetes. */
  readonly datastore?: 'etcd';
  /** Each node has a BIRD beside its agent; absent: none. */
  readonly bird?: BirdProgram;
};

export class LabDirectory {
  readonly path: string;

  constructor(name: string, root = LABS_DIRECTORY) {
    assert(isLabName(name), `"${name}" is a lab's name`);
    this.path = join(root, name);
  }

  exists(): boolean {
    return existsSync(this.path);
  }

  create(record: LabRecord): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    this.update(record);
    mkdirSync(this.binDir);
    const words = record.program.map((word) => `'${word}'`).join(' ');
    writeFileSync(join(this.binDir, 'poplin'), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  }

  /** For a lab whose nodes come and go. */
  update(record: LabRecord): void {
    writeWhole(join(this.path, 'lab.json'), `${JSON.stringify(record, null, 2)}\n`, 0o644);
  }

  /** `undefined` when the lab is not there, or was not even begun. */
  record(): LabRecord | undefined {
    try {
      return JSON.parse(readFileSync(join(this.path, 'lab.json'), 'utf8')) as LabRecord;
    } catch {
      return undefined;
    }
  }

  mustRecord(name: string): LabRecord {
    const record = this.record();
    if (record !== undefined) return record;
    throw new AppError('LAB', `use lab "${name}"`, 'it is not up: start it by "poplin lab up"');
  }

  /** For kubectl on this machine. */
  get kubeconfig(): string {
    return join(this.path, 'kubeconfig');
  }

  /** For the agents: the API as the nodes see it. */
  get nodeKubeconfig(): string {
    return join(this.path, 'node-kubeconfig');
  }

  /** A `poplin` for `lab exec`, the same program as the lab's agents. */
  get binDir(): string {
    return join(this.path, 'bin');
  }

  get apiLogFile(): string {
    return join(this.path, 'api.log');
  }

  get etcdLogFile(): string {
    return join(this.path, 'etcd.log');
  }

  node(name: string): NodePaths {
    const base = join(this.path, name);
    return {
      stateDir: join(base, 'state'),
      runDir: join(base, 'run'),
      cniConfDir: join(base, 'net.d'),
      cniBinDir: join(base, 'bin'),
      cniCacheDir: join(base, 'cni-results'),
      hostLocalDir: join(base, 'networks'),
      machineIdFile: join(base, 'machine-id'),
      logFile: join(base, 'agent.log'),
      birdDir: join(base, 'bird'),
      birdLogFile: join(base, 'bird.log'),
    };
  }

  createNode(name: string): NodePaths {
    const paths = this.node(name);
    for (const directory of [paths.stateDir, paths.runDir, paths.birdDir]) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    }
    for (const directory of [paths.cniConfDir, paths.cniBinDir]) {
      mkdirSync(directory, { recursive: true, mode: 0o755 });
    }
    // Each node is a machine of its own, and one that is added again another than before.
    if (!existsSync(paths.machineIdFile)) {
      writeFileSync(paths.machineIdFile, `${randomBytes(16).toString('hex')}\n`);
    }
    return paths;
  }

  rememberProcess(name: string, process: LabProcess): void {
    mkdirSync(this.#processes(), { recursive: true });
    writeFileSync(join(this.#processes(), `${name}.json`), JSON.stringify(process));
  }

  forgetProcess(name: string): void {
    rmSync(join(this.#processes(), `${name}.json`), { force: true });
  }

  process(name: string): LabProcess | undefined {
    try {
      return JSON.parse(
        readFileSync(join(this.#processes(), `${name}.json`), 'utf8'),
      ) as LabProcess;
    } catch {
      return undefined;
    }
  }

  processes(): LabProcess[] {
    if (!existsSync(this.#processes())) return [];
    return readdirSync(this.#processes()).flatMap((file) => {
      const process = this.process(file.replace(/\.json$/, ''));
      return process === undefined ? [] : [process];
    });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    try {
      rmdirSync(dirname(this.path));
    } catch {
      // Other labs are in there.
    }
  }

  #processes(): string {
    return join(this.path, 'processes');
  }
}
