// A stand-in for a machine (node-setup.sh): a root of its own over this machine's, on a network
// namespace of a lab's underlay, for programs that take a whole machine for granted, as a container
// runtime does. All of it ends with the first process, and that with the test run.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { netnsPath } from '../../src/lab/netns.ts';
import { until } from '../lab/lab.ts';
import { removeCgroupTree } from '../runtime/cgroup-tree.ts';
import { CONTAINERD_1_6, searchPathOf } from '../runtime/containerd-config.ts';
import { buildPause } from '../runtime/pause-image.ts';

const SETUP = join(import.meta.dirname, 'node-setup.sh');
const CGROUPS = '/sys/fs/cgroup';
const START_TIMEOUT_MS = 120_000;

export type MachinePlace = {
  readonly name: string;
  readonly netns: string;
  /** For its files, which are seen inside by the same path. */
  readonly directory: string;
};

export class Machine {
  readonly name: string;
  readonly #place: MachinePlace;
  readonly #first: ChildProcess;
  #firstPid = 0;

  constructor(place: MachinePlace) {
    const { name, netns, directory } = place;
    this.name = name;
    this.#place = place;
    mkdirSync(directory, { recursive: true });
    const words = [SETUP, 'enter', netnsPath(netns), name, directory, buildPause(directory)];
    this.#first = spawn('sh', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  async boot(): Promise<void> {
    const { stdout } = this.#first;
    assert.ok(stdout !== null);
    await Promise.race([
      once(stdout, 'data'),
      once(this.#first, 'exit').then(() => assert.fail('the stand-in for a machine has ended')),
    ]);
    this.#firstPid = deepestChildOf(this.#first.pid ?? 0);
  }

  /** As an administrator of the machine; throws with what it says. */
  run(...words: readonly string[]): string {
    const { status, stdout, stderr } = this.tryRun(...words);
    assert.equal(status, 0, `${this.name}: ${words.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  }

  tryRun(...words: readonly string[]) {
    const env = { PATH: searchPathOf(CONTAINERD_1_6) };
    return spawnSync('nsenter', this.entering(words), { encoding: 'utf8', env });
  }

  /** Arguments of nsenter. */
  entering(words: readonly string[]): string[] {
    const spaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
    return ['--target', String(this.#firstPid), ...spaces, '--', ...words];
  }

  /** A program that goes on until the machine ends. */
  start(name: string, words: readonly string[]): void {
    const log = openSync(this.path(`${name}.log`), 'a');
    const env = { ...process.env, PATH: searchPathOf(CONTAINERD_1_6) };
    // Into the machine's own control groups: who enters a namespace of them stays where it was.
    const join = 'for group in /sys/fs/cgroup/*; do echo $$ >$group/cgroup.procs; done; exec "$@"';
    const argv = this.entering(['sh', '-c', join, 'sh', ...words]);
    spawn('nsenter', argv, { env, stdio: ['ignore', log, log] });
  }

  async startContainerd(config: string): Promise<void> {
    this.start('containerd', ['containerd', '--config', config]);
    const isUp = (): boolean => this.tryRun('ctr', 'version').status === 0;
    await until('containerd answers', isUp, START_TIMEOUT_MS);
  }

  path(name: string): string {
    return join(this.#place.directory, name);
  }

  log(program: string): string {
    const path = this.path(`${program}.log`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#first;
    const ended = exitCode === null && signalCode === null ? once(this.#first, 'exit') : undefined;
    this.#first.stdin?.end();
    await ended;
    await until('its control groups are empty', () => this.#removeCgroups());
  }

  /** False while one is in use. */
  #removeCgroups(): boolean {
    return readdirSync(CGROUPS)
      .map((controller) => removeCgroupTree(join(CGROUPS, controller, this.#place.netns)))
      .every(Boolean);
  }
}

/** nsenter and unshare each wait for the next. */
function deepestChildOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? pid : deepestChildOf(Number(children.split(' ')[0]));
}
