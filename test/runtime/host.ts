// The stand-in for a host that a container runtime runs on: a lab node's network namespace, with
// mounts, processes and control groups of its own, so that nothing of the runtime is seen by the
// machine, and all of it ends with the first process. That ends with the test run, however it ends.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { CommandOptions, CommandResult } from '../../src/lab/command.ts';
import { runCommand } from '../../src/lab/command.ts';
import { LABS_DIRECTORY } from '../../src/lab/lab-directory.ts';
import { processOf } from '../../src/lab/processes.ts';
import { until } from '../lab/lab.ts';
import { removeCgroupTree } from './cgroup-tree.ts';
import type { Release } from './containerd-config.ts';
import { searchPathOf } from './containerd-config.ts';
import { CriClient } from './cri-client.ts';
import { buildPause, buildPauseImage } from './pause-image.ts';

const LOOPBACK = '/usr/lib/cni/loopback';
const CGROUPS = '/sys/fs/cgroup';
const START_TIMEOUT_MS = 60_000;

/** Whatever is not below the labs' directory is the stand-in's own. */
const SETUP = `set -eu
labs=$1 conf=$2 bin=$3 cache=$4 first=$5
for directory in /etc/cni /opt/cni /var/lib/cni; do
  mkdir -p "$directory"
  mount -t tmpfs -o mode=0755 tmpfs "$directory"
done
mkdir /opt/cni/kept /opt/cni/bin /etc/cni/net.d /var/lib/cni/results
mount --bind "$labs" /opt/cni/kept
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p "$labs"
mount --move /opt/cni/kept "$labs"
mount --bind "$conf" /etc/cni/net.d
mount --bind "$bin" /opt/cni/bin
mount --bind "$cache" /var/lib/cni/results
exec "$first" until-stdin-ends`;

export type HostPlace = {
  /** Path of the network namespace. */
  readonly netns: string;
  /** For the runtime's files; below the labs' directory, so that both sides see it. */
  readonly directory: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
  readonly cniCacheDir: string;
};

export class RuntimeHost {
  readonly release: Release;
  readonly cri: CriClient;
  readonly #place: HostPlace;
  readonly #pause: string;
  readonly #cgroup: string;
  readonly #first: ChildProcess;
  #firstPid = 0;
  #runtime: ChildProcess | undefined;

  static async start(release: Release, place: HostPlace): Promise<RuntimeHost> {
    removeOrphanedCgroups();
    const host = new RuntimeHost(release, place);
    try {
      await host.#untilSetUp();
      await host.startRuntime();
      const image = buildPauseImage(place.directory, host.#pause);
      await host.ctr('-n', 'k8s.io', 'images', 'import', ...release.importWords, image);
    } catch (error) {
      process.stderr.write(`${host.log()}\n`);
      await host.end();
      throw error;
    }
    return host;
  }

  constructor(release: Release, place: HostPlace) {
    this.release = release;
    this.#place = place;
    assert.ok(place.directory.startsWith(`${LABS_DIRECTORY}/`), place.directory);
    mkdirSync(place.directory, { recursive: true });
    mkdirSync(place.cniCacheDir, { recursive: true, mode: 0o700 });
    copyFileSync(LOOPBACK, join(place.cniBinDir, 'loopback'));
    this.#pause = buildPause(place.directory);
    // The name of the lab and of the node, which no other test run has.
    this.#cgroup = place.directory.slice(LABS_DIRECTORY.length + 1).replaceAll('/', '-');
    this.#first = spawn(
      'nsenter',
      [
        `--net=${place.netns}`,
        ...['unshare', '--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'],
        ...['--propagation', 'private', 'sh', '-c', SETUP, 'sh'],
        ...[LABS_DIRECTORY, place.cniConfDir, place.cniBinDir, place.cniCacheDir, this.#pause],
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    this.cri = new CriClient(this.#socketPath, `/${this.#cgroup}`);
  }

  get #socketPath(): string {
    return join(this.#place.directory, 'c.sock');
  }

  get #logFile(): string {
    return join(this.#place.directory, 'containerd.log');
  }

  log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8') : '';
  }

  /** Until it answers. */
  async startRuntime(): Promise<void> {
    const { directory } = this.#place;
    const config = join(directory, 'config.toml');
    writeFileSync(config, this.release.config);
    const log = openSync(this.#logFile, 'a');
    const words = [
      ...['containerd', '--config', config, '--address', this.#socketPath],
      ...['--root', join(directory, 'root'), '--state', join(directory, 'state')],
    ];
    this.#runtime = spawn('nsenter', this.#entering(words), {
      env: { ...process.env, PATH: searchPathOf(this.release) },
      stdio: ['ignore', log, log],
    });
    await until(
      'containerd answers',
      async () => {
        assert.equal(this.#runtime?.exitCode, null, this.log());
        return this.cri.networkReady().catch(() => false);
      },
      START_TIMEOUT_MS,
    );
  }

  /** As a crash does; what it has started goes on. */
  async killRuntime(): Promise<void> {
    const runtime = this.#runtime;
    assert.ok(runtime?.pid !== undefined);
    const ended = once(runtime, 'exit');
    process.kill(childOf(runtime.pid) ?? assert.fail('containerd is not running'), 'SIGKILL');
    await ended;
    this.#runtime = undefined;
  }

  /** A command inside, whatever its end. */
  run(words: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const env = { PATH: searchPathOf(this.release), ...options.env };
    return runCommand(['nsenter', ...this.#entering(words)], { ...options, env });
  }

  /** Its stdout; fails with what it says. */
  async mustRun(...words: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(words);
    assert.equal(exitCode, 0, `${words.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  }

  ctr(...words: readonly string[]): Promise<string> {
    return this.mustRun('ctr', '--address', this.#socketPath, ...words);
  }

  /** In a sandbox's network namespace. */
  inSandbox(netns: string, ...words: readonly string[]): Promise<string> {
    return this.mustRun('nsenter', `--net=${netns}`, ...words);
  }

  /** A static program that waits to be ended. */
  get pauseProgram(): string {
    return this.#pause;
  }

  /** What containers are told to put themselves below. */
  get cgroup(): string {
    return `/${this.#cgroup}`;
  }

  /** The first process and with it all others, mounts and control groups. */
  async end(): Promise<void> {
    this.cri.close();
    const isOver = this.#first.exitCode !== null || this.#first.signalCode !== null;
    const ended = isOver ? undefined : once(this.#first, 'exit');
    this.#first.stdin?.end();
    await ended;
    await until('its control groups are empty', () => this.#removeCgroups());
  }

  async #untilSetUp(): Promise<void> {
    const { stdout, pid } = this.#first;
    assert.ok(stdout !== null && pid !== undefined);
    await Promise.race([
      once(stdout, 'data'),
      once(this.#first, 'exit').then(() => assert.fail('the stand-in for a host cannot be made')),
    ]);
    this.#firstPid = childOf(pid) ?? assert.fail('it has no first process');
  }

  #entering(words: readonly string[]): string[] {
    return ['--target', String(this.#firstPid), '--mount', '--net', '--pid', '--', ...words];
  }

  /** False while one is in use. */
  #removeCgroups(): boolean {
    return cgroupRoots()
      .map((root) => removeCgroupTree(join(root, this.#cgroup)))
      .every(Boolean);
  }
}

/** Version 2 has them in one tree, version 1 has one for each controller. */
const cgroupRoots = (): string[] => [
  CGROUPS,
  ...readdirSync(CGROUPS).map((name) => join(CGROUPS, name)),
];

/** Of test runs that were killed, whose processes have ended with them. */
function removeOrphanedCgroups(): void {
  for (const root of cgroupRoots()) {
    for (const name of existsSync(root) && statSync(root).isDirectory() ? readdirSync(root) : []) {
      const pid = /^ps(\d+)-.*-containerd$/.exec(name)?.[1];
      if (pid !== undefined && processOf(Number(pid)) === undefined)
        removeCgroupTree(join(root, name));
    }
  }
}

/** The one process that another has started. */
function childOf(pid: number): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? undefined : Number(children.split(' ')[0]);
}
