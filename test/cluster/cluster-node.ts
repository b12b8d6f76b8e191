// A node of a real Kubernetes: containerd, kubelet and kube-proxy on a stand-in for a machine. All
// of it ends with that.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPauseImage, PAUSE_IMAGE } from '../runtime/pause-image.ts';
import { ROOT } from '../unit/deploy/manifests.ts';
import { kubeconfigOf, nodeFiles } from './certificates.ts';
import type { ControlPlane } from './control-plane.ts';
import { POD_NETWORK, programOf } from './control-plane.ts';
import type { MachinePlace } from './machine.ts';
import { Machine } from './machine.ts';
import { buildTestImage } from './test-image.ts';

const SOCKET = '/run/containerd/containerd.sock';

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

type ClusterNodePlace = MachinePlace & { readonly address: string };

export class ClusterNode {
  readonly name: string;
  readonly address: string;
  readonly #directory: string;
  readonly #plane: ControlPlane;
  readonly #machine: Machine;

  constructor(place: ClusterNodePlace, plane: ControlPlane) {
    this.name = place.name;
    this.address = place.address;
    this.#directory = place.directory;
    this.#plane = plane;
    this.#machine = new Machine(place);
  }

  async start(): Promise<void> {
    const machine = this.#machine;
    await machine.boot();
    writeFileSync(machine.path('config.toml'), CONTAINERD_CONFIG);
    await machine.startContainerd(machine.path('config.toml'));
    const images = [
      buildPauseImage(this.#directory, machine.path('pause')),
      buildTestImage(this.#directory),
      join(ROOT, '.cache/image/poplin-amd64.tar'),
    ];
    for (const image of images) this.run('ctr', '-n', 'k8s.io', 'images', 'import', image);
    this.#startKubelet();
    this.#startProxy();
  }

  /** Inside, as an administrator of the machine; throws with what it says. */
  run(...words: readonly string[]): string {
    return this.#machine.run(...words);
  }

  /** Arguments of nsenter. */
  entering(words: readonly string[]): string[] {
    return this.#machine.entering(words);
  }

  log(program: string): string {
    return this.#machine.log(program);
  }

  end(): Promise<void> {
    return this.#machine.end();
  }

  #startKubelet(): void {
    const { name, address } = this;
    const machine = this.#machine;
    const { files, url } = this.#plane;
    const authentication = {
      ...{ anonymous: { enabled: false }, webhook: { enabled: false } },
      x509: { clientCAFile: files.caFile },
    };
    writeFileSync(
      machine.path('kubelet.json'),
      JSON.stringify({ ...KUBELET_CONFIG, authentication }),
    );
    const own = kubeconfigOf(url, { ...files, ...nodeFiles(files, name) });
    writeFileSync(machine.path('kubelet.kubeconfig'), own);
    machine.start('kubelet', [
      ...[programOf('kubelet'), '--config', machine.path('kubelet.json')],
      ...['--kubeconfig', machine.path('kubelet.kubeconfig')],
      ...['--container-runtime=remote', `--container-runtime-endpoint=unix://${SOCKET}`],
      ...[`--hostname-override=${name}`, `--node-ip=${address}`],
      `--pod-infra-container-image=${PAUSE_IMAGE}`,
    ]);
  }

  #startProxy(): void {
    this.#machine.start('kube-proxy', [
      ...[programOf('kube-proxy'), `--kubeconfig=${this.#plane.kubeconfig}`],
      ...[`--hostname-override=${this.name}`, '--conntrack-max-per-core=0'],
      ...['--proxy-mode=iptables', `--cluster-cidr=${POD_NETWORK}`],
    ]);
  }
}
