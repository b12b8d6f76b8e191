// What the agent and BIRD ask of a node, held against what docs/benchmarks.md has measured.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { V1DaemonSet } from '@kubernetes/client-node';
import { DEFAULTS } from '../../../scripts/deploy/parameters.ts';
import { ROOT, readManifests } from './manifests.ts';

describe('requests are what was measured', () => {
  const benchmarks = readFileSync(join(ROOT, 'docs/benchmarks.md'), 'utf8');
  const measured = (name: string, unit: string): number => {
    const row = new RegExp(`^\\| \`${name.replaceAll('.', '\\.')}\` \\| ([\\d.]+) ${unit} `, 'm');
    const found = row.exec(benchmarks)?.[1];
    assert.ok(found !== undefined, `docs/benchmarks.md has no ${name} in ${unit}`);
    return Number(found);
  };
  const { cpu, memory } = DEFAULTS.resources.requests;

  test('memory, at rest and with 5,000 nodes', () => {
    const requested = Number(/^(\d+)Mi$/.exec(memory)?.[1]);
    for (const name of ['memory.idle', 'memory.5000', 'memory.5000.leases']) {
      assert.ok(measured(name, 'MiB') <= requested, name);
    }
  });

  test('memory beside BIRD with 100 sessions, where BIRD is in the overlay and the chart', () => {
    const [patch] = readManifests('deploy/kustomize/overlays/bgp/bird.yaml');
    const { containers = [] } = (patch as unknown as V1DaemonSet).spec?.template.spec ?? {};
    const requests = new Map(containers.map(({ name, resources }) => [name, resources?.requests]));
    const { resources, agentResources } = DEFAULTS.bird;
    assert.deepEqual(requests.get('agent'), agentResources.requests);
    assert.deepEqual(requests.get('bird'), resources.requests);
    const mebibytesOf = (text = ''): number => Number(/^(\d+)Mi$/.exec(text)?.[1]);
    assert.ok(measured('memory.bgp.100', 'MiB') <= mebibytesOf(agentResources.requests.memory));
    assert.ok(measured('memory.bgp.100.bird', 'MiB') <= mebibytesOf(resources.requests.memory));
  });

  test('processor time, while 50 nodes a second send heartbeats', () => {
    const requested = Number(/^(\d+)m$/.exec(cpu)?.[1]);
    assert.ok(measured('updates.5000.heartbeat', 'ms/s') <= requested);
  });
});
