// A lab on backend bgp whose BIRDs run from their image: by runc, with the entry point of the image
// and the capabilities of deploy/, on a read-only root, with nothing of this machine but the
// directory that they share with the agent. One is stopped as a kubelet does, and comes back.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BIRD_CAPABILITIES } from '../../scripts/deploy/bird.ts';
import { startSidecar, stopSidecar } from '../../src/lab/bird.ts';
import { ROOT } from '../unit/deploy/manifests.ts';
import type { TestLab } from './lab.ts';
import { effects, withLab } from './lab.ts';

const RUNC = join(ROOT, '.cache/containerd-1.6/usr/sbin/runc');
const ROOTFS = join(ROOT, '.cache/image/rootfs/poplin-bird-amd64');
/** Building takes minutes, of which most are other programs'. */
const BUILD_TIMEOUT_MS = 1_800_000;

const bundles = mkdtempSync(join(tmpdir(), 'poplin-image-bird-'));
after(() => rmSync(bundles, { recursive: true }));

before(
  () => {
    execFileSync('sh', [join(ROOT, 'scripts/image.sh'), 'amd64'], { stdio: 'inherit' });
    writeTemplate();
  },
  { timeout: BUILD_TIMEOUT_MS },
);

/** What runc makes of itself, changed to what the manifest says. */
function writeTemplate(): void {
  execFileSync(RUNC, ['spec', '--bundle', bundles]);
  const path = join(bundles, 'config.json');
  const spec = JSON.parse(readFileSync(path, 'utf8'));
  const image = JSON.parse(readFileSync(`${ROOTFS}.json`, 'utf8'));
  const names = BIRD_CAPABILITIES.map(({ name }) => `CAP_${name}`);
  const capabilities = { bounding: names, effective: names, permitted: names };
  // The agent names files to BIRD by its own paths: in a cluster they are the same for both.
  const shared = [
    { destination: '/run', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    { destination: '@DIRECTORY@', type: 'bind', source: '@DIRECTORY@', options: ['rbind', 'rw'] },
  ];
  const isOwn = ({ type }: { readonly type: string }): boolean => type !== 'network';
  const config = {
    ...spec,
    root: { path: ROOTFS, readonly: true },
    process: {
      ...spec.process,
      terminal: false,
      args: [...image.config.Entrypoint, '@DIRECTORY@'],
      env: image.config.Env,
      capabilities,
      noNewPrivileges: true,
    },
    mounts: [...spec.mounts, ...shared],
    linux: {
      ...spec.linux,
      namespaces: spec.linux.namespaces.filter(isOwn),
      cgroupsPath: '/poplin-image/@NAME@',
    },
  };
  writeFileSync(path, JSON.stringify(config));
}

const onBgp = (lab: TestLab): Promise<unknown> =>
  Promise.all(
    lab.plan.nodes.map(({ name }) =>
      lab.untilStatus(name, 'sends by bgp', ({ peers }) => peers.every((p) => p.used === 'bgp')),
    ),
  );

test('BIRDs of the image announce the nodes, and outlive a stop', async () => {
  const bird = {
    path: join(ROOTFS, 'usr/sbin/bird'),
    script: join(ROOT, 'test/lab/image-bird.sh'),
    environment: { IMAGE_BIRD_BUNDLES: bundles, IMAGE_BIRD_RUNC: RUNC },
  };
  await withLab({ backend: 'bgp', families: ['ipv4', 'ipv6'], nodeCount: 2, bird }, async (lab) => {
    await onBgp(lab);
    await lab.mustReach();
    const [node] = lab.plan.nodes;
    assert.ok(node !== undefined);
    const hasSessions = (count: number): Promise<unknown> =>
      lab.untilStatus(node.name, `has ${count} sessions`, ({ bgp }) => {
        const sessions = bgp?.sessions ?? [];
        return sessions.filter(({ state }) => state === 'established').length === count;
      });
    await hasSessions(2);
    await stopSidecar(lab.directory, node, effects);
    await hasSessions(0);
    await lab.mustReach();
    startSidecar(lab.directory, node, { bird });
    await hasSessions(2);
    await onBgp(lab);
    await lab.mustReach();
  });
});
