// A real Kubernetes with two nodes, and Poplin as a user installs it: the image that
// scripts/image.sh has built, and `kubectl apply -f deploy/poplin.yaml`. Pods, a Service and a host
// port work, an update and an edit of the configuration lose no packet, and after the cleanup
// nothing is left. The commands are those of the pages (documented.ts).

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { V1LeaseList, V1NodeList, V1PodList, V1Service } from '@kubernetes/client-node';
import { systemClock } from '../../src/lib/clock.ts';
import { until } from '../lab/lab.ts';
import { wholeKernel } from '../lab/whole-node.ts';
import { commandsOf } from '../unit/docs/pages.ts';
import type { ClusterNode } from './cluster-node.ts';
import { POD_NETWORK } from './control-plane.ts';
import {
  lookAround,
  moveFromFlannel,
  switchPageOn,
  TAKING_AWAY,
  untilItSays,
  visitPage,
} from './documented.ts';
import type { RealNodes } from './real-nodes.ts';
import { withRealNodes } from './real-nodes.ts';
import { TEST_IMAGE } from './test-image.ts';

const TIMEOUT_MS = 1_500_000;
const WAIT_MS = 400_000;
const HOST_PORT = 8080;

/** A pod on each node that says its name, on a port of the node as well. */
const labels = { app: 'web' };
const WEB = {
  ...{ apiVersion: 'apps/v1', kind: 'DaemonSet' },
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            ...{ name: 'web', image: TEST_IMAGE, imagePullPolicy: 'Never' },
            command: ['/bin/sh', '-c', 'hostname > /www/index.html; exec httpd -f -p 80 -h /www'],
            ports: [{ containerPort: 80, hostPort: HOST_PORT }],
          },
        ],
      },
    },
  },
};
const SERVICE = {
  ...{ apiVersion: 'v1', kind: 'Service' },
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: labels, ports: [{ port: 80 }] },
};

type WebPod = { readonly name: string; readonly node: string; readonly ip: string };

const webPods = ({ plane }: RealNodes): WebPod[] =>
  plane.json<V1PodList>('get', 'pods', '-l', 'app=web').items.map(({ metadata, spec, status }) => ({
    name: metadata?.name ?? '',
    node: spec?.nodeName ?? '',
    ip: status?.podIP ?? '',
  }));

function areReady({ plane }: RealNodes): boolean {
  const { items } = plane.json<V1NodeList>('get', 'nodes');
  return (
    items.length === 2 &&
    items.every(({ status }) =>
      status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True'),
    )
  );
}

const rolledOut = ({ plane }: RealNodes, namespace: string, name: string): string =>
  plane.kubectl('-n', namespace, 'rollout', 'status', `daemonset/${name}`, '--timeout=400s');

/** What a node is without Poplin; of nftables the tables, since kube-proxy's rules come and go. */
const stateOf = (node: ClusterNode): readonly string[] => [
  ...wholeKernel((argv) => node.run(...argv), 'nft list tables'),
  node.run(
    'sh',
    '-c',
    'find /etc/cni /opt/cni /run/poplin /var/lib/poplin 2>/dev/null | sort; true',
  ),
];

const CURL = ['curl', '-sS', '-m', '20', '--retry', '5', '--retry-connrefused'];

const http = (netns: string, url: string): string =>
  execFileSync('ip', ['netns', 'exec', netns, ...CURL, url], { encoding: 'utf8' }).trim();

/** Words that run a program of the node in a pod's network namespace. */
const inPod = ({ ip }: WebPod, ...words: readonly string[]): string[] => {
  const isIts = 'nsenter --net=$ns ip -4 address | grep -q "inet $ip/"';
  const script = `for ns in /run/netns/*; do ${isIts} && exec nsenter --net=$ns "$@"; done; exit 9`;
  return ['sh', '-c', `ip=$1; shift; ${script}`, 'sh', ip, ...words];
};

/** Pings every 2 ms between the pods of two nodes while `work` runs; packets sent and lost. */
async function whilePinging(
  cluster: RealNodes,
  work: () => Promise<void>,
): Promise<{ readonly sent: number; readonly lost: number }> {
  const [one, two] = webPods(cluster);
  const node = cluster.nodes.find(({ name }) => name === one?.node);
  assert.ok(one !== undefined && two !== undefined && node !== undefined);
  const argv = node.entering(inPod(one, 'ping', '-q', '-i', '0.002', two.ip));
  const child = spawn('nsenter', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const ended = once(child, 'exit');
  await systemClock.sleep(1_000);
  try {
    await work();
  } finally {
    await systemClock.sleep(1_000);
    node.run('sh', '-c', 'for p in $(pidof ping); do kill -INT $p; done');
    await ended;
  }
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(said) ?? [];
  assert.ok(Number(sent) > 100, said);
  return { sent: Number(sent), lost: Number(sent) - Number(received) };
}

function mustLoseNothing({ sent, lost }: { sent: number; lost: number }): string {
  // The one that was under way when the counting ended may be missing.
  assert.ok(lost <= 1, `${lost} of ${sent} lost`);
  return `${sent} packets, ${lost} lost`;
}

/** kube-proxy sets sysctls, too, before it writes its first rules. */
const isProxied = (node: ClusterNode): boolean =>
  node.run('sysctl', '-n', 'net.ipv4.conf.all.route_localnet').trim() === '1' &&
  node.run('sysctl', '-n', 'net.netfilter.nf_conntrack_tcp_timeout_close_wait').trim() === '3600' &&
  node.run('nft', 'list', 'ruleset').includes('KUBE-SERVICES');

type Inner = { diagnostic(text: string): void };

async function becomeReady(cluster: RealNodes, inner: Inner): Promise<void> {
  const { plane, nodes } = cluster;
  const startedMs = performance.now();
  const since = (): string => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
  const [apply = '', rollout = '', ...looks] = commandsOf('README.md', 'Install it for real');
  plane.follow(apply);
  await until('all nodes are ready', () => areReady(cluster), WAIT_MS);
  plane.follow(rollout);
  inner.diagnostic(`ready ${since()} after the manifest was applied`);
  const said = plane.follow('sh deploy/check.sh');
  inner.diagnostic(`the matrix of pods and a Service is complete after ${since()}`);
  for (const { name } of nodes) assert.match(said, new RegExp(`^${name}: reaches 2 nodes`, 'm'));
  for (const look of looks) await untilItSays(cluster, look, /2 of 2 nodes are ready/);
  const left = (): string => plane.kubectl('get', 'ns', 'poplin-check', '--ignore-not-found');
  await until('the namespace of deploy/check.sh is gone', () => left() === '', WAIT_MS);
}

async function reachEachOther(cluster: RealNodes): Promise<void> {
  const { plan, plane, nodes } = cluster;
  plane.apply(WEB);
  plane.apply(SERVICE);
  rolledOut(cluster, 'default', 'web');
  const pods = webPods(cluster);
  assert.equal(new Set(pods.map(({ node }) => node)).size, 2);
  const { spec } = plane.json<V1Service>('get', 'service', 'web');
  const names = pods.map(({ name }) => name);
  for (const from of pods) {
    const node = nodes.find(({ name }) => name === from.node) ?? assert.fail(from.node);
    const ask = (url: string): string => node.run(...inPod(from, ...CURL, url)).trim();
    for (const { ip, name } of pods) assert.equal(ask(`http://${ip}/`), name);
    assert.ok(names.includes(ask(`http://${spec?.clusterIP}/`)), 'the Service answers');
  }
  for (const { name, address } of nodes) {
    const pod = pods.find((each) => each.node === name);
    assert.equal(http(plan.outside.netns, `http://${address}:${HOST_PORT}/`), pod?.name);
  }
}

async function moveToHostGw(cluster: RealNodes): Promise<void> {
  const routeText = (): string =>
    cluster.nodes.map((node) => node.run('ip', 'route', 'show', 'proto', '113')).join('');
  assert.match(routeText(), /dev poplin4-1 /);
  const text = JSON.stringify({ Network: POD_NETWORK, Backend: { Type: 'host-gw' } });
  const patch = JSON.stringify({ data: { 'net-conf.json': text } });
  cluster.plane.kubectl('-n', 'poplin', 'patch', 'configmap', 'poplin-config', '-p', patch);
  await until('both send by host-gw', () => !routeText().includes('poplin4-1'), WAIT_MS);
}

async function takeAway(cluster: RealNodes): Promise<void> {
  const { plane } = cluster;
  const [stop = '', clean = '', rollout = '', ...afterwards] = TAKING_AWAY;
  plane.follow(stop);
  plane.follow(clean);
  // It waits until the pods are gone, whose end the runtime tells an agent.
  plane.kubectl('delete', 'daemonset', 'web');
  plane.follow(rollout);
  for (const { metadata, status } of plane.json<V1NodeList>('get', 'nodes').items) {
    const names = Object.keys(metadata?.annotations ?? {});
    assert.deepEqual(
      names.filter((name) => /poplin|flannel/.test(name)),
      [],
    );
    const types = status?.conditions?.map(({ type }) => type) ?? [];
    assert.ok(!types.includes('NetworkUnavailable'), types.join());
  }
  assert.deepEqual(plane.json<V1LeaseList>('-n', 'poplin', 'get', 'leases').items, []);
  for (const command of afterwards) plane.follow(command);
}

test('Poplin on a real Kubernetes, as a user installs it', { timeout: TIMEOUT_MS }, async (t) => {
  await withRealNodes(async (cluster) => {
    const { plane, nodes } = cluster;
    await until('kube-proxy has set all it sets', () => nodes.every(isProxied), WAIT_MS);
    const areThere = (): boolean => plane.json<V1NodeList>('get', 'nodes').items.length === 2;
    await until('both nodes are there', areThere, WAIT_MS);
    const before = nodes.map(stateOf);
    assert.ok(!areReady(cluster), 'without a network no node is ready');

    await t.test('nodes become ready', (inner) => becomeReady(cluster, inner));
    await t.test('pods reach each other, a Service and a host port', () => reachEachOther(cluster));
    await t.test('status and doctor find nothing wrong, in the agents', () => lookAround(cluster));
    await t.test('a rolling update loses nothing, and brings the web page', async (inner) => {
      const result = await whilePinging(cluster, async () => switchPageOn(cluster));
      inner.diagnostic(mustLoseNothing(result));
      await visitPage(cluster);
    });
    await t.test('an edit of the ConfigMap moves every node, without a loss', async (inner) => {
      inner.diagnostic(mustLoseNothing(await whilePinging(cluster, () => moveToHostGw(cluster))));
    });
    await t.test('the cleanup leaves nothing', async () => {
      await takeAway(cluster);
      assert.deepEqual(nodes.map(stateOf), before);
    });
    await t.test('docs/migration.md, command by command', () => moveFromFlannel(cluster));
  });
});
