// For which changes `lab switch` waits until VXLAN devices are gone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { leavesDevices } from '../../../src/lab/old-devices.ts';
import type { LabSpec } from '../../../src/lab/plan.ts';

function configOf(backend: object, rest: object = {}): Config {
  const text = JSON.stringify({ Network: '10.244.0.0/16', Backend: backend, ...rest });
  const parsed = parseConfig(text);
  assert.ok(parsed.kind === 'ok', JSON.stringify(parsed));
  return parsed.config;
}

const VXLAN = { Type: 'vxlan' };
const HOST_GW = { Type: 'host-gw' };

for (const [from, to, segmentCount, expected] of [
  [VXLAN, HOST_GW, 1, true],
  [VXLAN, HOST_GW, 2, false],
  [HOST_GW, VXLAN, 1, false],
  [VXLAN, { ...VXLAN, VNI: 2 }, 1, true],
  [VXLAN, { ...VXLAN, Port: 4789 }, 2, true],
  [VXLAN, { ...VXLAN, DirectRouting: true }, 1, false],
  [VXLAN, VXLAN, 1, false],
  // These keep it for those whom nothing else reaches.
  [VXLAN, { Type: 'bgp' }, 1, false],
  [VXLAN, { Type: 'auto' }, 1, false],
  [{ Type: 'bgp' }, HOST_GW, 1, true],
  [{ Type: 'bgp' }, { Type: 'bgp', VNI: 2 }, 1, true],
] as const) {
  const what = `from ${JSON.stringify(from)} to ${JSON.stringify(to)}, ${segmentCount} segments`;
  test(`${what}: ${expected}`, () => {
    const spec = { segmentCount } as LabSpec;
    assert.equal(leavesDevices(configOf(from), configOf(to), { spec }), expected);
  });
}

test('of a configuration that was not valid nothing is known', () => {
  const spec = { segmentCount: 1 } as LabSpec;
  assert.equal(leavesDevices(undefined, configOf(HOST_GW), { spec }), false);
});
