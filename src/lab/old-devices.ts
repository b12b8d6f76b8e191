// The VXLAN devices that a change of the backend makes useless. Nodes keep them for some seconds,
// for peers that have not heard of the change, so `lab switch` goes on probing until they are gone.

import type { BackendConfig, Config } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import type { RunCommand } from './command.ts';
import { mustRun } from './command.ts';
import type { LabPlan } from './plan.ts';

const POLL_MS = 100;

/** Whether nodes have no more use for what they receive by now. */
export function leavesDevices(
  before: Config | undefined,
  after: Config,
  { spec }: Pick<LabPlan, 'spec'>,
): boolean {
  if (before === undefined || before.backend.type === 'host-gw') return false;
  // Where nodes have a router between them, they keep VXLAN beside plain routes.
  if (after.backend.type === 'host-gw') return spec.segmentCount === 1;
  return deviceOf(before.backend) !== deviceOf(after.backend);
}

/** auto and bgp keep VXLAN for those whom nothing else reaches. */
const deviceOf = (backend: BackendConfig): string =>
  'vni' in backend ? `${backend.vni} ${backend.portNumber}` : '';

/** `NODE INDEX LINK` of each: one that was made again under its name is another. */
export async function vxlanDevices(plan: LabPlan, run: RunCommand): Promise<ReadonlySet<string>> {
  const devices = new Set<string>();
  for (const { name, netns } of plan.nodes) {
    const text = await mustRun(run, ['ip', '-n', netns, '-o', 'link', 'show', 'type', 'vxlan']);
    for (const [device] of text.matchAll(/^\d+: poplin[^@:]+/gm)) devices.add(`${name} ${device}`);
  }
  return devices;
}

/** Whether none of the devices is left before the end of the time. */
export async function untilGone(
  devices: ReadonlySet<string>,
  { plan, run, clock }: { plan: LabPlan; run: RunCommand; clock: Clock },
  timeoutMs: number,
): Promise<boolean> {
  const endMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const now = await vxlanDevices(plan, run);
    if (![...devices].some((device) => now.has(device))) return true;
    if (clock.monotonicMs() > endMs) return false;
    await clock.sleep(POLL_MS);
  }
}
