// The backend changes by an edit of the configuration wherever that is: the key of etcd, which is
// Flannel's, and a file on the nodes, as kubelet and as others replace files. No packet is lost.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/parse.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import type { LabOptions } from './lab-spec.ts';
import { assertNothingLost, whileProbing } from './probing.ts';

const SWITCH_MS = 60_000;
const TYPES = ['host-gw', 'vxlan'] as const;

const textOf = (type: string): string =>
  JSON.stringify({ Network: '10.244.0.0/16', Backend: { Type: type } });

/** Every node works by the text, sends by its backend, and has cleared away the one before. */
async function untilSwitched(lab: TestLab, type: (typeof TYPES)[number]): Promise<void> {
  const parsed = parseConfig(textOf(type));
  assert.ok(parsed.kind === 'ok');
  const { hash } = parsed.config;
  await lab.settled(
    ({ reconcile, peers }) => reconcile.config === hash && peers.every(({ used }) => used === type),
    SWITCH_MS,
  );
  for (const { name } of lab.plan.nodes) {
    const devices = (): string => lab.run(name, 'ip -o link show type vxlan');
    const wanted = type === 'vxlan' ? 1 : 0;
    const count = (): number => devices().split('\n').filter(Boolean).length;
    await until(`${name} has ${wanted} VXLAN devices`, () => count() === wanted, SWITCH_MS);
  }
}

async function switchThereAndBack(
  lab: TestLab,
  edit: (type: string) => void | Promise<void>,
): Promise<void> {
  const result = await whileProbing(lab, async () => {
    for (const type of TYPES) {
      await edit(type);
      await untilSwitched(lab, type);
    }
  });
  assertNothingLost(result);
  await lab.mustReach();
}

test('an edit of the key of etcd switches every node, and nothing is lost', async () => {
  await withLab({ datastore: 'etcd' }, async (lab) => {
    await switchThereAndBack(lab, (type) => lab.datastore.putNetConf(textOf(type)));
    for (const { name } of lab.plan.nodes) {
      const { config } = await lab.status(name);
      assert.equal(config.origin, 'etcd key /coreos.com/network/config');
    }
  });
});

/** A directory as kubelet mounts a ConfigMap: the file is a link through `..data`. */
class Mount {
  readonly directory = mkdtempSync(join(tmpdir(), 'poplin-net-conf-'));
  readonly path = join(this.directory, 'net-conf.json');
  #version = 0;

  constructor() {
    this.swap('vxlan');
    symlinkSync(join('..data', 'net-conf.json'), this.path);
  }

  /** kubelet's AtomicWriter. */
  swap(type: string): void {
    const before = `..${this.#version}`;
    this.#version += 1;
    const after = `..${this.#version}`;
    mkdirSync(join(this.directory, after));
    writeFileSync(join(this.directory, after, 'net-conf.json'), textOf(type));
    symlinkSync(after, join(this.directory, '..data_tmp'));
    renameSync(join(this.directory, '..data_tmp'), join(this.directory, '..data'));
    rmSync(join(this.directory, before), { recursive: true, force: true });
  }

  /** What editors and configuration managements do. */
  renameOver(type: string): void {
    writeFileSync(join(this.directory, '.new'), textOf(type));
    renameSync(join(this.directory, '.new'), this.path);
  }
}

async function withMount(options: LabOptions, body: (lab: TestLab, mount: Mount) => Promise<void>) {
  const mount = new Mount();
  try {
    const environment = { POPLIN_NET_CONF_FILE: mount.path };
    await withLab({ ...options, environment }, (lab) => body(lab, mount));
  } finally {
    rmSync(mount.directory, { recursive: true });
  }
}

test('a file that is swapped as kubelet does, or renamed over, switches every node', async () => {
  await withMount({}, async (lab, mount) => {
    await switchThereAndBack(lab, (type) => mount.swap(type));
    // What the ConfigMap says does not count.
    await lab.api.putNetConf(textOf('host-gw'));
    await switchThereAndBack(lab, (type) => mount.renameOver(type));
    for (const { name } of lab.plan.nodes) {
      const { config, problems } = await lab.status(name);
      assert.deepEqual([config.origin, problems], [mount.path, []]);
    }
  });
});

test('a file that goes or is wrong changes nothing, and is named until it is right', async () => {
  await withMount({ nodeCount: 2 }, async (lab, mount) => {
    const result = await whileProbing(lab, async () => {
      const aside = join(mount.directory, 'aside');
      renameSync(mount.path, aside);
      for (const { name } of lab.plan.nodes) {
        await lab.untilStatus(name, 'names the file', ({ source }) =>
          /net-conf\.json cannot be read/.test(source.problem ?? ''),
        );
      }
      mount.renameOver('vxlna');
      for (const { name } of lab.plan.nodes) {
        await lab.untilStatus(name, 'names the key', ({ config }) => config.problems.length > 0);
      }
      renameSync(aside, mount.path);
      await lab.settled(
        ({ config, source }) => config.problems.length === 0 && source.problem === undefined,
        SWITCH_MS,
      );
    });
    assertNothingLost(result);
  });
});
