// A node of a real Kubernetes: containerd, kubelet and kube-proxy in a stand-in for a machine
// (node-setup.sh), on a network namespace of a lab's underlay. All of it ends with the first
// process, and that with the test run.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { netnsPath } from '../../src/lab/netns.ts';
import { until } from '../lab/lab.ts';
import { removeCgroupTree } from '../runtime/cgroup-tree.ts';
import { CONTAINERD_1_6, searchPathOf } from '../runtime/containerd-config.ts';
import { buildPause, buildPauseImage, PAUSE_IMAGE } from '../runtime/pause-image.ts';
import { ROOT } from '../unit/deploy/manifests.ts';
import { kubeconfigOf, nodeFiles } from './certificates.ts';
import type { ControlPlane } from './control-plane.ts';
import { POD_NETWORK, programOf } from './control-plane.ts';
import { buildTestImage } from './test-image.ts';

const SETUP = join(import.meta.dirname, 'node-setup.sh');
const CGROUPS = '/sys/fs/cgroup';
const SOCKET = '/run/containerd/containerd.sock';
const START_TIMEOUT_MS = 120_000;

const CONTAINERD_CONFIG = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
`;

const KUBELET_CONFIG = {
  ...{ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' },
  authorization: { mode: 'AlwaysAllow' },
  cgroupDriver: 'cgroupfs',
  failSwapOn: false,
  enforceNodeAllocatable: ['pods'],
  evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
};

export type ClusterNodePlace = {
  readonly name: string;
  readonly netns: string;
  readonly address: string;
  readonly directory: string;
};

export class ClusterNode {
  readonly name: string;
  readonly address: string;
  readonly #place: ClusterNodePlace;
  readonly #plane: ControlPlane;
  readonly #first: ChildProcess;
  #firstPid = 0;

  constructor(place: ClusterNodePlace, plane: ControlPlane) {
    const { name, netns, directory, address } = place;
    this.name = name;
    this.address = address;
    this.#place = place;
    this.#plane = plane;
    mkdirSync(directory, { recursive: true });
    const pause = buildPause(directory);
    const words = [SETUP, 'enter', netnsPath(netns), name, directory, pause];
    this.#first = spawn('sh', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  async start(): Promise<void> {
    const { directory } = this.#place;
    const { stdout } = this.#first;
    assert.ok(stdout !== null);
    await Promise.race([
      once(stdout, 'data'),
      once(this.#first, 'exit').then(() => assert.fail('the stand-in for a machine has ended')),
    ]);
    this.#firstPid = deepestChildOf(this.#first.pid ?? 0);
    this.#startContainerd();
    const isUp = (): boolean => this.tryRun('ctr', 'version').status === 0;
    await until('containerd answers', isUp, START_TIMEOUT_MS);
    const images = [
      buildPauseImage(directory, join(directory, 'pause')),
      buildTestImage(directory),
      join(ROOT, '.cache/image/poplin-amd64.tar'),
    ];
    for (const image of images) this.run('ctr', '-n', 'k8s.io', 'images', 'import', image);
    this.#startKubelet();
    this.#startProxy();
  }

  /** Inside, as an administrator of the machine; throws with what it says. */
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

  log(program: string): string {
    const path = join(this.#place.directory, `${program}.log`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#first;
    const ended = exitCode === null && signalCode === null ? once(this.#first, 'exit') : undefined;
    this.#first.stdin?.end();
    await ended;
    await until('its control groups are empty', () => this.#removeCgroups());
  }

  #startContainerd(): void {
    writeFileSync(join(this.#place.directory, 'config.toml'), CONTAINERD_CONFIG);
    this.#start('containerd', ['containerd', '--config', this.#path('config.toml')]);
  }

  #startKubelet(): void {
    const { name, address } = this.#place;
    const { files, url } = this.#plane;
    const authentication = {
      ...{ anonymous: { enabled: false }, webhook: { enabled: false } },
      x509: { clientCAFile: files.caFile },
    };
    writeFileSync(
      this.#path('kubelet.json'),
      JSON.stringify({ ...KUBELET_CONFIG, authentication }),
    );
    const own = kubeconfigOf(url, { ...files, ...nodeFiles(files, name) });
    writeFileSync(this.#path('kubelet.kubeconfig'), own);
    this.#start('kubelet', [
      ...[programOf('kubelet'), '--config', this.#path('kubelet.json')],
      ...['--kubeconfig', this.#path('kubelet.kubeconfig')],
      ...['--container-runtime=remote', `--container-runtime-endpoint=unix://${SOCKET}`],
      ...[`--hostname-override=${name}`, `--node-ip=${address}`],
      `--pod-infra-container-image=${PAUSE_IMAGE}`,
    ]);
  }

  #startProxy(): void {
    this.#start('kube-proxy', [
      ...[programOf('kube-proxy'), `--kubeconfig=${this.#plane.kubeconfig}`],
      ...[`--hostname-override=${this.name}`, '--conntrack-max-per-core=0'],
      ...['--proxy-mode=iptables', `--cluster-cidr=${POD_NETWORK}`],
    ]);
  }

  #path(name: string): string {
    return join(this.#place.directory, name);
  }

  #start(name: string, words: readonly string[]): void {
    const log = openSync(this.#path(`${name}.log`), 'a');
    const env = { ...process.env, PATH: searchPathOf(CONTAINERD_1_6) };
    // Into the node's own control groups: who enters a namespace of them stays where it was.
    const join = 'for group in /sys/fs/cgroup/*; do echo $$ >$group/cgroup.procs; done; exec "$@"';
    const argv = this.entering(['sh', '-c', join, 'sh', ...words]);
    spawn('nsenter', argv, { env, stdio: ['ignore', log, log] });
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
