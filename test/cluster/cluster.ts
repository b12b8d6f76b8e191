// A real Kubernetes control plane on the loopback: etcd, kube-apiserver, and the part of the
// kube-controller-manager that deletes what belongs to something deleted. Without what a real
// cluster's admission would write into objects by itself, since the embedded API has none.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import type { ApiAddress } from '../conformance/api/http.ts';
import { send } from '../conformance/api/http.ts';
import type { Certificates } from './certificates.ts';
import { adminTls, kubeconfigOf, makeCertificates } from './certificates.ts';
import { freePort, Program } from './program.ts';

export type RealCluster = {
  readonly address: ApiAddress;
  /** The path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** etcd forgets its history; the API server still has its own cache of the newest. */
  compact(): Promise<void>;
  /** The API server starts anew, and with it its cache. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

/** Where scripts/cluster-build.sh put the programs. */
export function kubernetesDirectory(): string {
  const directory = process.env.POPLIN_KUBERNETES;
  if (directory === undefined) throw new Error('run it by npm run test:cluster');
  return directory;
}

export async function startCluster(): Promise<RealCluster> {
  const programs = kubernetesDirectory();
  const directory = mkdtempSync(join(tmpdir(), 'poplin-cluster-'));
  const files = makeCertificates(directory);
  const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const [etcdPort, peerPort, apiPort, managerPort] = ports;
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const address = { url: `https://127.0.0.1:${apiPort}`, tls: adminTls(files) };
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigOf(address.url, files));
  const etcd = startEtcd(join(directory, 'etcd'), etcdUrl, peerPort);
  const startApi = (): Program =>
    new Program(join(programs, 'kube-apiserver'), apiArguments(files, etcdUrl, apiPort));
  let api = startApi();
  const ready = (): Promise<void> => untilReady(address, () => [etcd, api]);
  let manager: Program | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all([manager?.kill(), api.kill()]);
    await etcd.kill();
    rmSync(directory, { recursive: true });
  };
  try {
    await ready();
  } catch (error) {
    await stop();
    throw error;
  }
  manager = new Program(
    join(programs, 'kube-controller-manager'),
    managerArguments(kubeconfig, files, managerPort),
  );
  return {
    address,
    kubeconfig,
    compact: () => compact(etcdUrl),
    restart: async () => {
      await api.kill();
      api = startApi();
      await ready();
    },
    stop,
  };
}

function startEtcd(directory: string, url: string, peerPort = 0): Program {
  mkdirSync(directory);
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  return new Program('etcd', [
    ...['--data-dir', directory, '--unsafe-no-fsync', '--log-level', 'error'],
    ...['--listen-client-urls', url, '--advertise-client-urls', url],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--initial-cluster', `default=${peerUrl}`],
  ]);
}

const apiArguments = (files: Certificates, etcdUrl: string, port = 0): string[] => [
  `--etcd-servers=${etcdUrl}`,
  ...['--bind-address=127.0.0.1', '--advertise-address=192.0.2.1', `--secure-port=${port}`],
  ...['--endpoint-reconciler-type=none', '--service-cluster-ip-range=198.51.100.0/24'],
  `--tls-cert-file=${files.serverFile}`,
  `--tls-private-key-file=${files.serverKeyFile}`,
  `--client-ca-file=${files.caFile}`,
  `--service-account-key-file=${files.serviceAccountKeyFile}`,
  `--service-account-signing-key-file=${files.serviceAccountKeyFile}`,
  '--service-account-issuer=https://kubernetes.invalid',
  '--authorization-mode=Node,RBAC',
  // It would taint each new node, until a controller that does not run here takes the taint away.
  '--disable-admission-plugins=TaintNodesByCondition,ServiceAccount',
  // A node with a subnet of each family; later versions have it always.
  '--feature-gates=IPv6DualStack=true',
];

const managerArguments = (kubeconfig: string, files: Certificates, port = 0): string[] => [
  `--kubeconfig=${kubeconfig}`,
  '--controllers=garbagecollector,namespace',
  ...['--bind-address=127.0.0.1', `--secure-port=${port}`, '--port=0', '--leader-elect=false'],
  `--service-account-private-key-file=${files.serviceAccountKeyFile}`,
];

async function untilReady(address: ApiAddress, programs: () => readonly Program[]): Promise<void> {
  const message = { method: 'GET', headers: {}, body: undefined };
  const endMs = performance.now() + 300_000;
  const isFine = async (path: string): Promise<boolean> => {
    const answer = await send(address, { ...message, path }).catch(() => undefined);
    return answer?.code === 200;
  };
  // The namespace is made by the server itself, a moment after it says that it is ready.
  while (!(await isFine('/readyz')) || !(await isFine('/api/v1/namespaces/default'))) {
    for (const program of programs()) program.assertRunning();
    if (performance.now() > endMs) {
      throw new Error(`the API server is not ready: ${programs()[1]?.lastWords}`);
    }
    await systemClock.sleep(100);
  }
}

/** By etcd's JSON gateway. */
async function compact(etcdUrl: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const message = { method: 'POST', path, headers, body: JSON.stringify(body) };
    const answer = await send({ url: etcdUrl }, message);
    if (answer.code !== 200) throw new Error(`etcd: ${answer.code} ${answer.text}`);
    return JSON.parse(answer.text);
  };
  const found = await post('/v3/kv/range', { key: Buffer.from('/').toString('base64') });
  const { revision } = (found as { header: { revision: string } }).header;
  await post('/v3/kv/compaction', { revision, physical: true });
}
