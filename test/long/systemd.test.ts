// docs/systemd.md as a newcomer follows it: each command of the page, on two stand-ins for
// machines, from packing to taking away. What cannot be had is replaced: systemctl by a small
// script, apt-get by one that unpacks or finds what the suite has of Debian, the registry by an
// archive.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeDown } from '../../src/lab/down.ts';
import type { LabPlan } from '../../src/lab/plan.ts';
import { planLab } from '../../src/lab/plan.ts';
import { makeUnderlay } from '../../src/lab/underlay.ts';
import { Machine } from '../cluster/machine.ts';
import { effects, until } from '../lab/lab.ts';
import { removeOrphans, specOf } from '../lab/lab-spec.ts';
import { buildImage } from '../runtime/pause-image.ts';
import { ROOT } from '../unit/deploy/manifests.ts';
import { commandOf } from '../unit/docs/pages.ts';

const TIMEOUT_MS = 2_400_000;
const WAIT_MS = 120_000;
/** What the page has instead of a reader's own. */
const FIRST = '10.0.0.1';
const CONTAINER = '10.244.0.2';
const BUSYBOX = 'docker.io/library/busybox:latest';
const STATUS = 'poplin status';
const ARCHIVE = '.cache/image/poplin-systemd-amd64.tar.gz';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const APT_GET = `#!/bin/sh
set -e
[ "$1 $2" = 'install --yes' ] && shift 2
for package in "$@"; do
  if [ "$package" = containerd ]; then
    tar -C ${ROOT}/.cache/containerd-1.6 -cf - . | tar -C / --keep-directory-symlink -xf -
  else dpkg -s "$package" >/dev/null; fi
done
`;

/** Blocks of commands below the heading of each number. */
function stepsOf(page: string): ReadonlyMap<number, readonly string[]> {
  const [, ...sections] = readFileSync(join(ROOT, 'docs', page), 'utf8').split(/^## (?=\d+\.)/m);
  return new Map(
    sections.map((section) => [
      Number.parseInt(section, 10),
      [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block),
    ]),
  );
}

const STEPS = stepsOf('systemd.md');

/** The one block, or the one of that index. */
function blockOf(step: number, index = 0): string {
  return STEPS.get(step)?.[index] ?? assert.fail(`step ${step} has no block ${index}`);
}

type Scene = { readonly plan: LabPlan; readonly directory: string; readonly machines: Machine[] };

/** As root logs in. */
const LOGIN = ['env', '-i', '-C', '/root', 'HOME=/root', `PATH=${PATH}`];

/** In one shell, which ends with the first command that fails. */
function follow({ plan }: Scene, machine: Machine, block: string): string {
  const [address = ''] = plan.nodes[0]?.addresses ?? [];
  return machine.run(...LOGIN, 'sh', '-ec', block.replaceAll(FIRST, address));
}

async function withMachines(body: (scene: Scene) => Promise<void>): Promise<void> {
  await removeOrphans(effects);
  const plan = planLab(specOf({ nodeCount: 2, podsPerNode: 0 }));
  const directory = mkdtempSync(join(tmpdir(), 'poplin-systemd-'));
  await makeUnderlay(effects.run, plan);
  const machines: Machine[] = [];
  try {
    for (const { name, netns } of plan.nodes) {
      const machine = new Machine({ name, netns, directory: join(directory, name) });
      machines.push(machine);
      await machine.boot();
      prepare(machine);
    }
    await body({ plan, directory, machines });
  } finally {
    await Promise.all(machines.map((machine) => machine.end()));
    await takeDown(plan.spec.name, effects);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A fresh machine, but for the stand-ins. */
function prepare(machine: Machine): void {
  machine.run('sh', '-ec', 'rm -rf /etc/cni /opt/cni /etc/containerd /var/lib/etcd /root/*');
  machine.run('sh', '-ec', 'printf %s "$1" >/usr/bin/apt-get', 'sh', APT_GET);
  machine.run('cp', join(ROOT, 'test/long/systemctl.sh'), '/usr/bin/systemctl');
  machine.run('sh', '-ec', ': >/etc/default/etcd; mkdir -p /var/lib/etcd');
}

/** As the registry would give it. */
function buildBusybox(directory: string): string {
  const contents = join(directory, 'busybox-contents');
  mkdirSync(join(contents, 'bin'), { recursive: true });
  const program = join(ROOT, '.cache/image/rootfs/poplin-bird-amd64/bin/busybox');
  cpSync(program, join(contents, 'bin/busybox'), { dereference: true });
  for (const applet of ['sh', 'sleep', 'ip', 'ping']) {
    symlinkSync('busybox', join(contents, 'bin', applet));
  }
  const layer = join(directory, 'busybox-layer.tar');
  execFileSync('tar', ['-cf', layer, '-C', contents, '.']);
  return buildImage(directory, { name: BUSYBOX, layer, entrypoint: ['/bin/sh'] });
}

const untilReady = (machine: Machine): Promise<string> =>
  until(
    `${machine.name} is ready`,
    () => {
      const { status, stdout } = machine.tryRun(...LOGIN, ...STATUS.split(' '));
      return status === 0 && stdout;
    },
    WAIT_MS,
  );

async function install(scene: Scene): Promise<void> {
  const [before = '', after] = blockOf(3).split(`${STATUS}\n`);
  assert.equal(after, '', 'the last command asks how it is');
  for (const machine of scene.machines) {
    machine.run('cp', join(ROOT, ARCHIVE), '/root');
    assert.match(follow(scene, machine, before), /poplin \d+\.\d+\.\d+ is installed/);
    assert.match(await untilReady(machine), /: ready/);
  }
}

function startContainers(scene: Scene): readonly string[] {
  const archive = buildBusybox(scene.directory);
  const pull = `ctr images pull ${BUSYBOX}`;
  assert.ok(blockOf(4).includes(pull));
  return scene.machines.map((machine) => {
    const place = machine.path('busybox.tar');
    cpSync(archive, place);
    const said = follow(scene, machine, blockOf(4).replace(pull, `ctr images import ${place}`));
    return / inet (10\.244\.\d+\.\d+)\//.exec(said)?.[1] ?? assert.fail(said);
  });
}

function pingEachOther(scene: Scene, addresses: readonly string[]): void {
  const block = blockOf(4, 1);
  assert.ok(block.includes(CONTAINER));
  for (const [index, machine] of scene.machines.entries()) {
    const other = addresses[1 - index] ?? '';
    const said = follow(scene, machine, block.replace(CONTAINER, other));
    assert.match(said, /3 packets transmitted, 3 packets received/);
  }
}

/** As docs/install.md says it for machines without Kubernetes, which comes to the same. */
const CLEANUP = [
  commandOf('docs/install.md', 'set -a; . /etc/poplin/agent.env'),
  commandOf('docs/install.md', '/usr/local/lib/poplin/bin/poplin cleanup --dry-run'),
  commandOf('docs/install.md', '/usr/local/lib/poplin/bin/poplin cleanup'),
].join('\n');

/** What Poplin could have left, and nothing else would. */
const LEFT = `ip link show | grep poplin; ip route show table all | grep 'proto 113'
  nft list tables | grep poplin; ls -d /run/poplin /var/lib/poplin /etc/cni/net.d/*poplin*
  ls -d /opt/cni/bin/poplin* /usr/local/lib/poplin* /etc/systemd/system/poplin*`;

test('docs/systemd.md, command by command', { timeout: TIMEOUT_MS }, async (t) => {
  for (const command of blockOf(1).trimEnd().split('\n')) {
    const said = execFileSync('sh', ['-c', command], { cwd: ROOT, encoding: 'utf8' });
    t.diagnostic(said.trim().split('\n').at(-1) ?? '');
  }
  await withMachines(async (scene) => {
    const { machines } = scene;
    const [first] = machines;
    assert.ok(first !== undefined);
    await t.test('2: etcd', () => assert.match(follow(scene, first, blockOf(2)), /OK/));
    await t.test('3: Poplin', () => install(scene));
    const addresses = startContainers(scene);
    await t.test('4: containers', () => pingEachOther(scene, addresses));
    await t.test('5: a look', () => {
      const said = follow(scene, first, blockOf(5));
      for (const { name } of machines) assert.match(said, new RegExp(`${name} .*ready`));
      assert.match(said, /nothing is wrong/);
    });
    await t.test('6: a newer version', async () => {
      for (const machine of machines) {
        assert.match(follow(scene, machine, blockOf(6)), /agent\.env stays as it is/);
        await untilReady(machine);
      }
      pingEachOther(scene, addresses);
    });
    await t.test('7: taken away', () => {
      const stop = 'systemctl disable --now poplin\n';
      const [ended = '', after = ''] = blockOf(7).split(stop);
      for (const machine of machines) {
        follow(scene, machine, `${ended}${stop}`);
        if (machine === first) assert.match(follow(scene, machine, CLEANUP), /poplin4-1/);
        follow(scene, machine, after);
        assert.equal(machine.tryRun('sh', '-c', LEFT).stdout, '');
      }
    });
  });
});
