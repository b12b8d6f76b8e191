// deploy/ as a user applies it, on a real API server: the plain manifest and each overlay by a dry
// run, which checks what no schema says; then the manifest itself, and what the agents' rights are
// with it, by asking the server for each request that an agent sends and for some that it must not.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { OVERLAYS } from '../../scripts/deploy/overlays.ts';
import { ROOT } from '../unit/deploy/manifests.ts';
import { kubernetesDirectory } from './cluster.ts';
import { theCluster } from './the-cluster.ts';

const PROGRAM = join(kubernetesDirectory(), 'kubectl');
const ACCOUNT = 'system:serviceaccount:poplin:poplin';

async function kubectl(...words: readonly string[]): Promise<string> {
  const { kubeconfig } = await theCluster();
  return execFileSync(PROGRAM, ['--kubeconfig', kubeconfig, ...words], { encoding: 'utf8' });
}

const apply = (...words: readonly string[]): Promise<string> => kubectl('apply', ...words);

async function may(verb: string, resource: string, ...words: readonly string[]): Promise<boolean> {
  const question = ['auth', 'can-i', verb, resource, '--as', ACCOUNT, ...words];
  return (await kubectl(...question).catch((error) => String(error.stdout))).startsWith('yes');
}

describe('a real API server takes what is in deploy/', () => {
  test('the plain manifest, whole', async () => {
    const said = await apply('-f', join(ROOT, 'deploy/poplin.yaml'));
    assert.match(said, /daemonset.apps\/poplin created/);
    const again = await apply('-f', join(ROOT, 'deploy/poplin.yaml'));
    const changed = again.split('\n').filter((line) => line !== '' && !/unchanged$/.test(line));
    assert.deepEqual(changed, [], 'applied twice it is the same');
  });

  for (const { name } of OVERLAYS) {
    test(`the overlay ${name}`, async () => {
      const path = join(ROOT, 'deploy/kustomize/overlays', name);
      assert.match(await apply('--dry-run=server', '-k', path), /daemonset.apps\/poplin/);
    });
  }
});

describe("an agent's rights are what it asks for, and no more", () => {
  const allowed: readonly (readonly [verb: string, resource: string, ...words: string[]])[] = [
    ...(['get', 'list', 'watch'] as const).map((verb) => [verb, 'nodes'] as const),
    ['patch', 'nodes', '--subresource=status'],
    ...['list', 'watch'].map((verb) => [verb, 'configmaps/poplin-config', '-n', 'poplin'] as const),
    ...['get', 'list', 'watch', 'update'].map(
      (verb) => [verb, 'configmaps/poplin-subnet-source', '-n', 'poplin'] as const,
    ),
    ['create', 'configmaps', '-n', 'poplin'],
    ...['get', 'list', 'watch', 'create', 'patch', 'delete'].map(
      (verb) => [verb, 'leases.coordination.k8s.io', '-n', 'poplin'] as const,
    ),
    ['create', 'events', '-n', 'default'],
    ['patch', 'events', '-n', 'default'],
  ];
  const refused: typeof allowed = [
    ['patch', 'nodes'],
    ['update', 'nodes'],
    ['delete', 'nodes'],
    ['update', 'nodes', '--subresource=status'],
    ['get', 'configmaps/other', '-n', 'poplin'],
    ['update', 'configmaps/poplin-config', '-n', 'poplin'],
    ['delete', 'configmaps/poplin-subnet-source', '-n', 'poplin'],
    ['list', 'configmaps', '-n', 'kube-system'],
    ['get', 'secrets', '-n', 'poplin'],
    ['list', 'pods', '--all-namespaces'],
    ['patch', 'leases.coordination.k8s.io', '-n', 'kube-node-lease'],
    ['create', 'events', '-n', 'kube-system'],
  ];
  for (const question of allowed) {
    test(`allowed: ${question.join(' ')}`, async () => assert.ok(await may(...question)));
  }
  for (const question of refused) {
    test(`refused: ${question.join(' ')}`, async () => assert.ok(!(await may(...question))));
  }
});
