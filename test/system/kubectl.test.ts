// The machine's own kubectl against the embedded API, with what a user of the lab types. Any
// kubectl from 1.20 on must do.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { NODES } from '../../src/lab/api/kinds.ts';
import { createObject } from '../../src/lab/api/operations.ts';
import type { ApiServer } from '../../src/lab/api/server.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { KubernetesSource } from '../../src/source/kubernetes/source.ts';
import { plainClient, portOf, startTestApi, until } from '../fake/kubernetes-api.ts';

type World = {
  readonly api: ApiServer;
  readonly directory: string;
  /** Standard output; rejects when kubectl fails. */
  readonly kubectl: (...words: readonly string[]) => Promise<string>;
  readonly environment: Readonly<Record<string, string>>;
};

async function start(context: TestContext): Promise<World> {
  const api = await startTestApi({
    podCidrRanges: [
      { cluster: '10.244.0.0/16' as Cidr, subnetLengthBits: 24 },
      { cluster: 'fd00:10:244::/48' as Cidr, subnetLengthBits: 64 },
    ],
  });
  const directory = await mkdtemp(join(tmpdir(), 'poplin-kubectl-'));
  context.after(async () => {
    await api.stop();
    await rm(directory, { recursive: true });
  });
  const kubeconfig = join(directory, 'config');
  await writeFile(kubeconfig, kubeconfigFor(portOf(api)));
  // A home of its own, since kubectl caches discovery by host and port.
  const path = process.env.PATH ?? '';
  const editor = { KUBE_EDITOR: 'sed -i s/10.1.0.0/10.9.0.0/' };
  const environment = { HOME: directory, KUBECONFIG: kubeconfig, PATH: path, ...editor };
  const kubectl = async (...words: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('kubectl', words, { env: environment });
    return stdout;
  };
  return { api, directory, kubectl, environment };
}

const kubeconfigFor = (port: number): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'lab',
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab' } }],
    clusters: [{ name: 'lab', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'lab', user: {} }],
  });

const addNode = (api: ApiServer, name: string): void => {
  const addresses = [{ type: 'InternalIP', address: '192.168.0.1' }];
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { addresses, conditions };
  createObject(api.store, { kind: NODES }, { metadata: { name }, spec: {}, status });
};

const manifest = (network: string): string =>
  [
    'apiVersion: v1',
    'kind: ConfigMap',
    'metadata:',
    '  name: poplin-config',
    '  namespace: poplin',
    'data:',
    `  net-conf.json: '{"Network":"${network}"}'`,
    '',
  ].join('\n');

describe('kubectl', () => {
  test('shows nodes as a table, as JSON and in words', async (context) => {
    const { api, kubectl } = await start(context);
    addNode(api, 'n1');
    addNode(api, 'n2');
    const table = await kubectl('get', 'nodes', '-o', 'wide');
    assert.match(table, /^NAME +STATUS +ROLES +AGE +VERSION +INTERNAL-IP/);
    assert.match(table, /\nn1 +Ready +<none> +\d+s .*192\.168\.0\.1/);
    const json = JSON.parse(await kubectl('get', 'node', 'n2', '-o', 'json'));
    assert.deepEqual(json.spec.podCIDRs, ['10.244.1.0/24', 'fd00:10:244:1::/64']);
    const words = await kubectl('describe', 'node', 'n1');
    assert.match(words, /PodCIDRs: +10\.244\.0\.0\/24,fd00:10:244::\/64/);
    assert.equal(await kubectl('get', 'nodes', '-o', 'name'), 'node/n1\nnode/n2\n');
    const custom = 'jsonpath={.items[*].metadata.name}';
    assert.equal(await kubectl('get', 'nodes', '-o', custom), 'n1 n2');
  });

  test('follows nodes as they come and go', async (context) => {
    const { api, kubectl, environment } = await start(context);
    addNode(api, 'n1');
    const watching = spawn('kubectl', ['get', 'nodes', '-w'], { env: environment });
    let shown = '';
    watching.stdout.on('data', (piece: Buffer) => {
      shown += piece.toString();
    });
    const ended = new Promise((resolve) => watching.on('close', resolve));
    context.after(async () => {
      watching.kill();
      await ended;
    });
    await until('the first list', () => /\nn1 /.test(shown));
    await until('the watch', () => api.hub.size === 1);
    addNode(api, 'n2');
    await kubectl('label', 'node', 'n1', 'node-role.kubernetes.io/edge=');
    await until('the change', () => /\nn2 +Ready[\s\S]*\nn1 +Ready +edge/.test(shown));
  });

  test('creates, applies, patches and deletes the configuration', async (context) => {
    const { directory, kubectl } = await start(context);
    const file = join(directory, 'config.yaml');
    const network = async (): Promise<string> =>
      kubectl('-n', 'poplin', 'get', 'cm', 'poplin-config', '-o', 'jsonpath={.data}');
    await writeFile(file, manifest('10.1.0.0/16'));
    await kubectl('create', '-f', file);
    assert.match(await network(), /10\.1\.0\.0/);
    await assert.rejects(kubectl('create', '-f', file), /AlreadyExists|already exists/);
    await writeFile(file, manifest('10.2.0.0/16'));
    await kubectl('apply', '-f', file);
    assert.match(await network(), /10\.2\.0\.0/);
    await writeFile(file, manifest('10.3.0.0/16'));
    await kubectl('replace', '-f', file);
    assert.match(await network(), /10\.3\.0\.0/);
    const patch = JSON.stringify({ data: { 'net-conf.json': '{"Network":"10.4.0.0/16"}' } });
    const target = ['-n', 'poplin', 'cm', 'poplin-config'];
    await kubectl('patch', ...target, '--type', 'merge', '-p', patch);
    assert.match(await network(), /10\.4\.0\.0/);
    assert.match(await kubectl('get', 'cm', '-A'), /poplin +poplin-config +1 +\d+s/);
    await kubectl('delete', ...target);
    await assert.rejects(network(), /NotFound/);
  });

  test('edits, compares, patches in three ways, and tries without writing', async (context) => {
    const { directory, kubectl } = await start(context);
    const file = join(directory, 'config.yaml');
    await writeFile(file, manifest('10.1.0.0/16'));
    await kubectl('apply', '-f', file);
    assert.match(await kubectl('apply', '-f', file), /unchanged/);
    await writeFile(file, manifest('10.2.0.0/16'));
    assert.match(await kubectl('apply', '--dry-run=server', '-f', file), /server dry run/);
    // It exits with 1 when there is a difference.
    await assert.rejects(kubectl('diff', '-f', file), { code: 1, stdout: /\+.*10\.2\.0\.0/ });
    const target = ['-n', 'poplin', 'cm', 'poplin-config'];
    const data = () => kubectl('get', ...target, '-o', 'jsonpath={.data}');
    assert.match(await data(), /10\.1\.0\.0/);
    await kubectl('edit', ...target);
    assert.match(await data(), /10\.9\.0\.0/);
    const patch = (type: string, value: object) =>
      kubectl('patch', ...target, '--type', type, '-p', JSON.stringify(value));
    await patch('json', [{ op: 'add', path: '/data/a', value: '1' }]);
    await patch('strategic', { data: { b: '2' } });
    await patch('merge', { data: { 'net-conf.json': null } });
    assert.deepEqual(JSON.parse(await data()), { a: '1', b: '2' });
  });

  test('shows network policies with what they select', async (context) => {
    const { directory, kubectl } = await start(context);
    const file = join(directory, 'policy.json');
    const spec = { podSelector: { matchLabels: { app: 'x' } }, egress: [{}] };
    const head = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' };
    await writeFile(file, JSON.stringify({ ...head, metadata: { name: 'p' }, spec }));
    await kubectl('apply', '-f', file);
    assert.match(await kubectl('get', 'netpol'), /\np +app=x +/);
    assert.match(await kubectl('describe', 'netpol', 'p'), /Policy Types: Ingress, Egress/);
  });

  test('annotates and labels, also by removing', async (context) => {
    const { api, kubectl } = await start(context);
    addNode(api, 'n1');
    const metadata = () => api.store.get(NODES, 'n1')?.object.metadata;
    await kubectl('annotate', 'node', 'n1', 'poplin.dev/x=1');
    await kubectl('annotate', 'node', 'n1', '--overwrite', 'poplin.dev/x=2');
    assert.deepEqual(metadata()?.annotations, { 'poplin.dev/x': '2' });
    await kubectl('annotate', 'node', 'n1', 'poplin.dev/x-');
    assert.equal(metadata()?.annotations, undefined);
    await kubectl('label', 'node', 'n1', 'zone=a');
    assert.equal(await kubectl('get', 'nodes', '-l', 'zone=a', '-o', 'name'), 'node/n1\n');
    await kubectl('cordon', 'n1');
    assert.match(await kubectl('get', 'nodes'), /Ready,SchedulingDisabled/);
  });

  test('deletes a node and waits until it is gone', async (context) => {
    const { api, kubectl } = await start(context);
    addNode(api, 'n1');
    assert.match(await kubectl('delete', 'node', 'n1'), /deleted/);
    assert.equal(api.store.get(NODES, 'n1'), undefined);
    await assert.rejects(kubectl('get', 'node', 'n1'), /NotFound/);
  });

  test('shows what the source tells the operator', async (context) => {
    const { api, kubectl } = await start(context);
    addNode(api, 'n1');
    const source = new KubernetesSource({
      client: plainClient(portOf(api)),
      clock: systemClock,
      log: silentLog,
      random: Math.random,
      nodeName: 'n1',
    });
    await source.tell({
      type: 'Warning',
      reason: 'ConfigInvalid',
      message: 'Network is no prefix',
    });
    const events = await kubectl('get', 'events', '-A');
    assert.match(events, /^NAMESPACE +LAST SEEN +TYPE +REASON +OBJECT +MESSAGE/);
    assert.match(events, /default .*Warning +ConfigInvalid +node\/n1 +Network is no prefix/);
    assert.match(await kubectl('describe', 'node', 'n1'), /ConfigInvalid .*poplin.*no prefix/);
  });

  test('finds its way around', async (context) => {
    const { kubectl } = await start(context);
    const resources = await kubectl('api-resources', '--no-headers');
    assert.match(resources, /leases .*coordination\.k8s\.io/);
    assert.match(await kubectl('version', '-o', 'json'), /poplin-lab/);
    assert.match(await kubectl('get', 'ns'), /\npoplin +Active/);
    assert.equal(await kubectl('get', '--raw', '/readyz'), 'ok');
  });

  test('creates small objects by words alone (newer ones send protobuf)', async (context) => {
    const { directory, kubectl } = await start(context);
    await kubectl('create', 'namespace', 'another');
    await writeFile(join(directory, 'net-conf.json'), '{"Network":"10.5.0.0/16"}\n');
    const file = `--from-file=${join(directory, 'net-conf.json')}`;
    await kubectl('-n', 'another', 'create', 'configmap', 'x', file, '--from-literal=b=ö');
    const json = JSON.parse(await kubectl('-n', 'another', 'get', 'cm', 'x', '-o', 'json'));
    assert.deepEqual(json.data, { 'net-conf.json': '{"Network":"10.5.0.0/16"}\n', b: 'ö' });
    await kubectl('-n', 'another', 'create', 'secret', 'generic', 's', '--from-literal=a=b');
    const secret = JSON.parse(await kubectl('-n', 'another', 'get', 'secret', 's', '-o', 'json'));
    assert.deepEqual([secret.data, secret.type], [{ a: 'Yg==' }, 'Opaque']);
    await kubectl('-n', 'another', 'create', 'serviceaccount', 'sa');
    await kubectl('delete', 'namespace', 'another');
    await assert.rejects(kubectl('-n', 'another', 'get', 'cm', 'x'), /NotFound/);
  });
});
