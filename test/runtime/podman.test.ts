// podman with our conflist: another runtime than Kubernetes', by libcni of its own, with names that
// need not be pods' and a cache of attachments in the same place.

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CONTAINERD_1_6, searchPathOf } from './containerd-config.ts';
import type { RuntimeNode } from './containerd-lab.ts';
import { withContainerd } from './containerd-lab.ts';

/** Where scripts/setup.sh has put it. */
const PACKAGES = join(import.meta.dirname, '../../.cache/podman');
const PODMAN = join(PACKAGES, 'usr/bin/podman');
const TIMEOUT_MS = 120_000;

test('a container of podman gets an address, and gives it back', async () => {
  assert.ok(existsSync(PODMAN), `${PODMAN} is missing: sh scripts/setup.sh test unpacks it`);
  await withContainerd(CONTAINERD_1_6, { nodeCount: 1 }, async ([node]) => {
    assert.ok(node !== undefined);
    const podman = prepare(node);
    assert.match(await podman('network', 'ls'), /\bpoplin\b/);
    const rootfs = join(node.paths.cniCacheDir, '../rootfs');
    mkdirSync(rootfs);
    copyFileSync(node.host.pauseProgram, join(rootfs, 'pause'));
    const limits = ['nofile', 'nproc'].flatMap((name) => ['--ulimit', `${name}=1024:1024`]);
    const words = [...limits, '--cgroup-parent', node.host.cgroup, '--network', 'poplin'];
    const id = await podman(
      'run',
      '--detach',
      '--name',
      'alone',
      ...words,
      '--rootfs',
      rootfs,
      '/pause',
    );
    const [address = '', ...more] = node.heldAddresses();
    assert.deepEqual(more, []);
    const format = '{{.NetworkSettings.Networks.poplin.IPAddress}}';
    assert.equal((await podman('inspect', '--format', format, 'alone')).trim(), address);
    assert.deepEqual(
      readdirSync(node.paths.cniCacheDir),
      [`poplin-${id.trim()}-eth0`],
      'the cache by which orphans are found',
    );
    await node.host.mustRun('ping', '-c', '1', '-W', '5', address);
    await podman('rm', '--force', '--time', '0', 'alone');
    assert.deepEqual(node.heldAddresses(), []);
    assert.equal(node.podObjects(), '');
    assert.deepEqual(readdirSync(node.paths.cniCacheDir), []);
  });
});

type Podman = (...words: readonly string[]) => Promise<string>;

/** With all that it keeps below the node's own directory; it fails with what it says. */
function prepare({ host, paths }: RuntimeNode): Podman {
  const directory = join(paths.cniCacheDir, '../podman');
  mkdirSync(directory);
  const config = join(directory, 'containers.conf');
  writeFileSync(
    config,
    `[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
conmon_path = ["${PACKAGES}/usr/bin/conmon"]
`,
  );
  const libraries = join(PACKAGES, 'usr/lib');
  const places = ['root', 'runroot', 'tmpdir'].flatMap((name) => [
    `--${name}`,
    join(directory, name),
  ]);
  const env = {
    CONTAINERS_CONF: config,
    HOME: directory,
    LD_LIBRARY_PATH: readdirSync(libraries)
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => join(libraries, name))
      .join(':'),
    PATH: searchPathOf(CONTAINERD_1_6),
  };
  return async (...words) => {
    const argv = [PODMAN, ...places, '--storage-driver', 'vfs', ...words];
    const { exitCode, stdout, stderr } = await host.run(argv, { env, timeoutMs: TIMEOUT_MS });
    assert.equal(exitCode, 0, `${words.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  };
}
