// A lab on a cluster that it did not start: a server with TLS and tokens on the machine's loopback,
// which the nodes cannot reach by themselves, and which has to be left as it was. Needs root.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CONFIG_MAPS, NAMESPACES, NODES } from '../../src/lab/api/kinds.ts';
import type { ApiServer } from '../../src/lab/api/server.ts';
import { startApiServer } from '../../src/lab/api/server.ts';
import { checkReachability } from '../../src/lab/check.ts';
import { ClusterApi } from '../../src/lab/cluster-api.ts';
import { runCommand } from '../../src/lab/command.ts';
import { takeDown } from '../../src/lab/down.ts';
import { endpointsOf } from '../../src/lab/endpoints.ts';
import { LabDirectory } from '../../src/lab/lab-directory.ts';
import type { LabSpec } from '../../src/lab/plan.ts';
import { bringUp } from '../../src/lab/up.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { parseCidr } from '../../src/net/cidr.ts';

const TOKEN = 'the-token';
const NETWORK = '10.244.0.0/16';
const effects = { run: runCommand, clock: systemClock, say: () => undefined };

const inRepository = (path: string): string =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url));

type Cluster = {
  readonly server: ApiServer;
  readonly kubeconfig: string;
  readonly api: ClusterApi;
};

/** Nothing of the lab knows that this one is embedded as well: it sees a URL, a CA and a token. */
async function startCluster(context: TestContext, certificateNames: string): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-real-api-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const [keyFile, certFile] = [join(directory, 'tls.key'), join(directory, 'ca.crt')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-addext', `subjectAltName=${certificateNames}`];
  const files = ['-keyout', keyFile, '-out', certFile];
  const argv = ['req', '-x509', ...curve, ...files, '-days', '1', '-subj', '/CN=api', ...names];
  execFileSync('openssl', argv, { stdio: 'ignore' });
  const cluster = parseCidr(NETWORK);
  assert.ok(cluster !== undefined);
  const server = await startApiServer({
    listeners: [{ host: '127.0.0.1', port: 0 }],
    clock: systemClock,
    log: silentLog,
    podCidrRanges: [{ cluster, subnetLengthBits: 24 }],
    tls: { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') },
    tokens: new Set([TOKEN]),
  });
  context.after(() => server.stop());
  const kubeconfig = join(directory, 'kubeconfig.yaml');
  writeFileSync(kubeconfig, renderKubeconfig(server.ports[0] ?? 0));
  return { server, kubeconfig, api: await ClusterApi.open(kubeconfig) };
}

/** With a relative path and a context that is not the current one, as real files have them. */
const renderKubeconfig = (port: number): string => `apiVersion: v1
kind: Config
current-context: real
clusters:
- name: real
  cluster:
    server: https://127.0.0.1:${port}
    certificate-authority: ca.crt
- name: other
  cluster:
    server: https://203.0.113.1:6443
contexts:
- name: other
  context:
    cluster: other
    user: admin
- name: real
  context:
    cluster: real
    user: admin
users:
- name: admin
  user:
    token: ${TOKEN}
`;

const specOf = (name: string): LabSpec => ({
  ...{ name, nodeCount: 2, podsPerNode: 1, backend: 'vxlan' },
  ...{ underlay: 'routed', segmentCount: 2, families: ['ipv4'], mtuBytes: 1500 },
  podNetworks: [parseCidr(NETWORK)].filter((network) => network !== undefined),
});

/** Brings a lab up on the cluster; it is taken down after the test, if it still is there. */
async function up(context: TestContext, name: string, kubeconfig: string) {
  execFileSync('sh', [inRepository('scripts/poplin'), 'version'], { stdio: 'ignore' });
  context.after(() => takeDown(name, effects).catch(() => undefined));
  const program = [process.execPath, '--max-semi-space-size=1', inRepository('dist/poplin.cjs')];
  const executable = inRepository('cni/build/poplin');
  return bringUp({ spec: specOf(name), program, kubeconfig, executable }, effects);
}

const names = ({ server }: Cluster): string[] =>
  [NODES, CONFIG_MAPS, NAMESPACES].flatMap((kind) => {
    const entries = server.store.list(kind);
    assert.ok(entries !== 'expired');
    return entries.map(({ key }) => `${kind.resource} ${key}`);
  });

describe('a lab on a real API', () => {
  for (const [certificate, certificateNames] of [
    ['is for names', 'DNS:kubernetes,DNS:kubernetes.default.svc,IP:127.0.0.1'],
    ['is for the address alone', 'IP:127.0.0.1'],
  ] as const) {
    test(`whose certificate ${certificate} works, and leaves nothing there`, async (context) => {
      const cluster = await startCluster(context, certificateNames);
      await cluster.api.createNode('not-of-the-lab', []);
      const before = names(cluster);
      const name = `t${process.pid}-real`;
      const plan = await up(context, name, cluster.kubeconfig);
      const directory = new LabDirectory(name);
      assert.equal(names(cluster).length, before.length + 5);
      const endpoints = await endpointsOf(plan, directory);
      const stop = new AbortController().signal;
      const { ok, pairs } = await checkReachability(endpoints, { timeoutMs: 60_000, stop });
      assert.deepEqual(
        pairs.filter((pair) => !pair.ok),
        [],
      );
      assert.ok(ok && pairs.length > 0);
      await takeDown(name, effects);
      assert.deepEqual(names(cluster), before);
    });
  }

  test('does not touch a configuration or a Node that is there already', async (context) => {
    const cluster = await startCluster(context, 'IP:127.0.0.1');
    const text = '{"Network": "10.9.0.0/16"}';
    await cluster.api.createNetConf(text, {});
    const before = names(cluster);
    const name = `t${process.pid}-taken`;
    await assert.rejects(up(context, name, cluster.kubeconfig), /create ConfigMap poplin-config/);
    await takeDown(name, effects);
    assert.equal(await cluster.api.netConfText(), text);
    assert.deepEqual(names(cluster), before);
  });
});
