// The control plane of a real Kubernetes that has nodes, in a network namespace of its own which
// they reach: etcd, API server, controller-manager and scheduler, with what a cluster has by
// default. Nobody gives out podCIDRs.

import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { until } from '../lab/lab.ts';
import { ROOT } from '../unit/deploy/manifests.ts';
import type { Certificates } from './certificates.ts';
import { kubeconfigOf, makeCertificates } from './certificates.ts';
import { kubernetesDirectory } from './cluster.ts';
import { Program } from './program.ts';

export const POD_NETWORK = '10.244.0.0/16';
const SERVICE_NETWORK = '10.96.0.0/16';
const FIRST_SERVICE = '10.96.0.1';
const ETCD_URL = 'http://127.0.0.1:2379';
const PORT = 6443;
const READY_TIMEOUT_MS = 300_000;
const COMMAND_TIMEOUT_MS = 400_000;

export type ControlPlanePlace = {
  readonly netns: string;
  readonly address: string;
  readonly directory: string;
  readonly nodes: readonly string[];
};

export class ControlPlane {
  readonly files: Certificates;
  readonly url: string;
  /** Of an administrator. */
  readonly kubeconfig: string;
  readonly #place: ControlPlanePlace;
  readonly #programs: Program[] = [];

  constructor(place: ControlPlanePlace) {
    const { address, directory, nodes } = place;
    this.#place = place;
    mkdirSync(join(directory, 'etcd'), { recursive: true });
    this.files = makeCertificates(directory, { addresses: [address, FIRST_SERVICE], nodes });
    this.url = `https://${address}:${PORT}`;
    this.kubeconfig = join(directory, 'kubeconfig');
    writeFileSync(this.kubeconfig, kubeconfigOf(this.url, this.files));
  }

  async start(): Promise<void> {
    const { directory } = this.#place;
    this.#start('etcd', [
      ...['--data-dir', join(directory, 'etcd'), '--unsafe-no-fsync', '--log-level', 'error'],
    ]);
    this.#start(programOf('kube-apiserver'), this.#apiArguments());
    await until('the API server is ready', () => this.#isReady(), READY_TIMEOUT_MS);
    const { serviceAccountKeyFile, caFile } = this.files;
    const known = [`--kubeconfig=${this.kubeconfig}`, '--leader-elect=false'];
    this.#start(programOf('kube-controller-manager'), [
      ...known,
      ...['--use-service-account-credentials=true', '--allocate-node-cidrs=false'],
      `--service-account-private-key-file=${serviceAccountKeyFile}`,
      `--root-ca-file=${caFile}`,
    ]);
    this.#start(programOf('kube-scheduler'), known);
  }

  /** What it prints; throws with what it says. */
  kubectl(...words: readonly string[]): string {
    const argv = ['netns', 'exec', this.#place.netns, programOf('kubectl')];
    const all = [...argv, '--kubeconfig', this.kubeconfig, ...words];
    const { status, stdout, stderr } = spawnSync('ip', all, { encoding: 'utf8' });
    if (status === 0) return stdout;
    throw new Error(`kubectl ${words.join(' ')}: ${stdout}${stderr}`);
  }

  /** What a command prints that an operator types in the checkout, with this cluster's kubectl. */
  follow(command: string): string {
    const options = { ...this.#ofOperator(), timeout: COMMAND_TIMEOUT_MS } as const;
    const { status, stdout, stderr } = spawnSync('ip', this.#typed(command), {
      ...{ ...options, encoding: 'utf8' },
    });
    if (status === 0) return stdout;
    throw new Error(`${command}: exit code ${status}: ${stdout}${stderr}`);
  }

  /** One that goes on until it is ended. */
  followOn(command: string): ChildProcess {
    return spawn('ip', this.#typed(`exec ${command}`), { ...this.#ofOperator(), stdio: 'ignore' });
  }

  json<Answer>(...words: readonly string[]): Answer {
    return JSON.parse(this.kubectl(...words, '-o', 'json')) as Answer;
  }

  apply(manifest: object): void {
    const path = join(this.#place.directory, 'manifest.json');
    writeFileSync(path, JSON.stringify(manifest));
    this.kubectl('apply', '-f', path);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.kill()));
  }

  #typed(command: string): string[] {
    return ['netns', 'exec', this.#place.netns, 'sh', '-ec', command];
  }

  #ofOperator() {
    const path = `${dirname(programOf('kubectl'))}:${process.env.PATH}`;
    return { cwd: ROOT, env: { ...process.env, PATH: path, KUBECONFIG: this.kubeconfig } };
  }

  #start(file: string, argv: readonly string[]): void {
    const words = ['netns', 'exec', this.#place.netns, file, ...argv];
    this.#programs.push(new Program('ip', words));
  }

  #isReady(): boolean {
    for (const program of this.#programs) program.assertRunning();
    try {
      this.kubectl('get', '--raw', '/readyz');
      this.kubectl('get', 'namespace', 'default');
      return true;
    } catch {
      return false;
    }
  }

  #apiArguments(): string[] {
    const { files } = this;
    return [
      `--etcd-servers=${ETCD_URL}`,
      ...[`--secure-port=${PORT}`, `--advertise-address=${this.#place.address}`],
      `--service-cluster-ip-range=${SERVICE_NETWORK}`,
      `--tls-cert-file=${files.serverFile}`,
      `--tls-private-key-file=${files.serverKeyFile}`,
      `--client-ca-file=${files.caFile}`,
      `--kubelet-client-certificate=${files.adminFile}`,
      `--kubelet-client-key=${files.adminKeyFile}`,
      '--kubelet-preferred-address-types=InternalIP',
      `--service-account-key-file=${files.serviceAccountKeyFile}`,
      `--service-account-signing-key-file=${files.serviceAccountKeyFile}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      ...['--authorization-mode=Node,RBAC', '--enable-admission-plugins=NodeRestriction'],
      '--allow-privileged=true',
    ];
  }
}

export const programOf = (name: string): string => join(kubernetesDirectory(), name);
