// What the pages tell an operator to type, on a real Kubernetes: a look at the agents from inside
// of their containers, the web page, the way from Flannel, and the end. The commands are taken from
// the pages. Flannel is a DaemonSet of its name here, whose pods do nothing: what its network needs
// is tried in test/lab/migration.test.ts, and what Kubernetes does by the labels here.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { V1PodList } from '@kubernetes/client-node';
import type { Diagnosis } from '../../src/doctor/finding.ts';
import { until } from '../lab/lab.ts';
import { commandOf, commandsOf } from '../unit/docs/pages.ts';
import type { RealNodes } from './real-nodes.ts';
import { TEST_IMAGE } from './test-image.ts';

const WAIT_MS = 400_000;

/** In the order of the page. */
export const TAKING_AWAY: readonly string[] = [
  commandOf('docs/install.md', 'kubectl -n poplin delete daemonset poplin'),
  commandOf('docs/install.md', 'kubectl apply -f deploy/poplin-cleanup.yaml'),
  commandOf('docs/install.md', 'kubectl -n poplin rollout status daemonset/poplin-cleanup'),
  commandOf('docs/install.md', 'kubectl delete -f deploy/poplin-cleanup.yaml'),
  commandOf('docs/install.md', 'kubectl delete --ignore-not-found -f deploy/poplin.yaml'),
];

/** A node's word is some seconds old; where a command fails, what it says counts as well. */
export async function untilItSays(
  { plane }: RealNodes,
  command: string,
  expected: RegExp,
): Promise<void> {
  let said = '';
  const isSaid = (): boolean => {
    try {
      said = plane.follow(command);
      return expected.test(said);
    } catch (error) {
      said = String(error);
      return false;
    }
  };
  await until(`${command} says ${expected}`, isSaid, WAIT_MS).catch((error: unknown) =>
    assert.fail(`${String(error)}; it said ${said}`),
  );
}

const podsOf = ({ plane }: RealNodes, namespace: string): V1PodList['items'] =>
  plane.json<V1PodList>('-n', namespace, 'get', 'pods').items;

const namesOn = (cluster: RealNodes, namespace: string, node: string): readonly string[] =>
  podsOf(cluster, namespace).flatMap(({ metadata, spec }) =>
    spec?.nodeName === node ? [metadata?.name ?? ''] : [],
  );

/** With the token of the pod, and the rights of its service account: the manifest's, and no more. */
export async function lookAround(cluster: RealNodes): Promise<void> {
  const { plane } = cluster;
  for (const command of commandsOf('docs/install.md', '2. Kubernetes')) plane.follow(command);
  for (const command of [
    commandOf('docs/status.md', 'kubectl -n poplin exec ds/poplin -c agent -- poplin status'),
    commandOf('docs/doctor.md', 'kubectl -n poplin exec ds/poplin -c agent -- poplin doctor'),
  ]) {
    await untilItSays(cluster, command, /: ready|: nothing is wrong/);
  }
  const all = commandOf(
    'docs/status.md',
    'kubectl -n poplin exec ds/poplin -c agent -- poplin status --all',
  );
  await untilItSays(cluster, all, /2 of 2 nodes are ready/);
  for (const { metadata } of podsOf(cluster, 'poplin')) {
    const exec = `kubectl -n poplin exec ${metadata?.name} -c agent -- poplin doctor --json`;
    const { findings, skipped } = JSON.parse(plane.follow(exec)) as Diagnosis;
    assert.deepEqual({ findings, skipped }, { findings: [], skipped: [] }, metadata?.name);
  }
  bundle(cluster);
}

function bundle(cluster: RealNodes): void {
  const [pod] = podsOf(cluster, 'poplin');
  const directory = mkdtempSync(join(tmpdir(), 'poplin-bundle-'));
  try {
    for (const command of [
      commandOf('docs/doctor.md', 'kubectl -n poplin exec POD -c agent -- poplin doctor'),
      commandOf('docs/doctor.md', "kubectl -n poplin exec POD -c agent -- node -e 'fs.create"),
      commandOf('docs/doctor.md', "kubectl -n poplin exec POD -c agent -- node -e 'fs.rm"),
    ]) {
      const own = command.replaceAll('POD', pod?.metadata?.name ?? '');
      cluster.plane.follow(`cd ${directory}; ${own}`);
    }
    const archive = gunzipSync(readFileSync(join(directory, 'poplin.tgz'))).toString('latin1');
    assert.match(archive, /poplin\/status\.json/);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Any change of what the pods are made of is a rolling update. */
export function switchPageOn({ plane }: RealNodes): void {
  plane.follow(commandOf('docs/page.md', 'kubectl -n poplin set env'));
  plane.follow(commandOf('docs/page.md', 'kubectl -n poplin rollout status'));
}

export async function visitPage(cluster: RealNodes): Promise<void> {
  const forward = cluster.plane.followOn(
    commandOf('docs/page.md', 'kubectl -n poplin port-forward ds/poplin 9113'),
  );
  const ended = once(forward, 'exit');
  try {
    // The address that the page names beside the command.
    await untilItSays(cluster, 'curl -sf -m 10 http://127.0.0.1:9113/', /<title>Poplin/);
  } finally {
    forward.kill();
    await ended;
  }
}

const FLANNEL_LABELS = { app: 'flannel' };
const FLANNEL = {
  ...{ apiVersion: 'apps/v1', kind: 'DaemonSet' },
  metadata: { name: 'kube-flannel-ds', namespace: 'kube-flannel' },
  spec: {
    selector: { matchLabels: FLANNEL_LABELS },
    template: {
      metadata: { labels: FLANNEL_LABELS },
      spec: {
        ...{ hostNetwork: true, terminationGracePeriodSeconds: 0 },
        tolerations: [{ operator: 'Exists' }],
        containers: [
          {
            ...{ name: 'kube-flannel', image: TEST_IMAGE, imagePullPolicy: 'Never' },
            command: ['/bin/sh', '-c', 'exec httpd -f -p 8999 -h /www'],
          },
        ],
      },
    },
  },
};

/** At every moment a node has one of both, and the page's commands wait for what they start. */
export async function moveFromFlannel(cluster: RealNodes): Promise<void> {
  const { plane, nodes } = cluster;
  const followAll = (commands: readonly string[], node = ''): void => {
    for (const command of commands) plane.follow(command.replaceAll('NODE', node));
  };
  plane.kubectl('create', 'namespace', 'kube-flannel');
  plane.apply(FLANNEL);
  followAll(commandsOf('docs/migration.md', '2. Bind Flannel to a label'));
  followAll(commandsOf('docs/migration.md', '3. Install Poplin'));
  assert.deepEqual(podsOf(cluster, 'poplin'), [], 'on no node yet');
  for (const { name } of nodes) {
    assert.equal(namesOn(cluster, 'kube-flannel', name).length, 1);
    followAll(commandsOf('docs/migration.md', '4. Move the nodes'), name);
    assert.equal(namesOn(cluster, 'poplin', name).length, 1);
    const isGone = (): boolean => namesOn(cluster, 'kube-flannel', name).length === 0;
    await until(`Flannel is gone from ${name}`, isGone, WAIT_MS);
  }
  plane.follow(commandOf('docs/migration.md', 'kubectl delete namespace kube-flannel'));
  plane.follow(commandOf('docs/migration.md', 'kubectl apply -f deploy/poplin.yaml'));
  plane.follow(commandOf('docs/migration.md', 'kubectl label nodes --all poplin.dev/network-'));
  plane.follow('kubectl -n poplin rollout status daemonset/poplin --timeout=400s');
  for (const { name } of nodes) assert.equal(namesOn(cluster, 'poplin', name).length, 1);
}
