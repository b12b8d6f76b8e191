// Carries out the ops of a pass so that a path is not given up for one that is not whole. The
// kernel may refuse any op: then a route does not change to what could not be made, and what a
// route still leads over is not cleared away. All else goes on, so that one peer's trouble is
// nobody else's. What was held back differs still, and is done by a later pass.

import type { Kernel, OpFailure } from '../kernel/kernel.ts';
import type { KernelState, RouteVia } from '../state/kernel-state.ts';
import { keyOfNeighbour, keyOfRoute } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';

/** `ops` in the order of src/state/order.ts; `actual` as it was before them. */
export async function applyCarefully(
  kernel: Pick<Kernel, 'apply'>,
  ops: readonly Op[],
  actual: KernelState,
): Promise<{ readonly failures: readonly OpFailure[]; readonly undone: readonly Op[] }> {
  const failures: OpFailure[] = [];
  const undone: Op[] = [];
  for (const stage of stagesOf(ops)) {
    const missing = missingAfter(undone, actual);
    const [free, held] = undone.length === 0 ? [stage, []] : split(stage, missing);
    undone.push(...held);
    if (free.length === 0) continue;
    const failed = await kernel.apply(free);
    failures.push(...failed);
    undone.push(...failed.map(({ op }) => op));
  }
  return { failures, undone };
}

/** Each needs what those before it have made; mostly there is one of them, or none. */
function stagesOf(ops: readonly Op[]): readonly Op[][] {
  const added = new Set<string>();
  for (const op of ops) if (op.verb === 'add' && op.object === 'link') added.add(op.value.name);
  const stages: [Op[], Op[], Op[], Op[]] = [[], [], [], []];
  for (const op of ops) stages[stageOf(op, added)].push(op);
  return stages.filter((stage) => stage.length > 0);
}

function stageOf(op: Op, addedLinks: ReadonlySet<string>): 0 | 1 | 2 | 3 {
  const isMadeAnew = op.object === 'link' && addedLinks.has(op.value.name);
  if (op.verb === 'remove' && !isMadeAnew) return 3;
  if (op.object === 'route' || op.object === 'rule') return 2;
  return op.object === 'neighbour' || op.object === 'nexthop' ? 1 : 0;
}

/** What is not as it should be, and what therefore has to stay. */
type Missing = {
  readonly links: ReadonlySet<string>;
  /** By link and Ethernet address. */
  readonly macs: ReadonlySet<string>;
  /** By link and gateway. */
  readonly gateways: ReadonlySet<string>;
  readonly kept: Kept;
};

type Kept = {
  readonly links: ReadonlySet<string>;
  readonly macs: ReadonlySet<string>;
  readonly gateways: ReadonlySet<string>;
};

function missingAfter(undone: readonly Op[], actual: KernelState): Missing {
  const [links, macs, gateways] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const kept = { links: new Set<string>(), macs: new Set<string>(), gateways: new Set<string>() };
  for (const op of undone) {
    if (op.verb === 'remove') continue;
    if (op.object === 'link' && op.verb === 'add') links.add(op.value.name);
    else if (op.object === 'fdb') macs.add(`${op.value.link} ${op.value.mac}`);
    else if (op.object === 'neighbour') gateways.add(`${op.value.link} ${op.value.address}`);
    else if (op.object === 'nexthop') gateways.add(`${op.value.link} ${op.value.gateway}`);
    else if (op.object === 'route') {
      const via = actual.routes.get(keyOfRoute(op.value))?.via;
      if (via === undefined || !leadsToPeer(via)) continue;
      const { link, gateway } = via;
      kept.links.add(link);
      kept.gateways.add(`${link} ${gateway}`);
      const mac = actual.neighbours.get(keyOfNeighbour({ link, address: gateway }))?.mac;
      if (mac !== undefined) kept.macs.add(`${link} ${mac}`);
    }
  }
  return { links, macs, gateways, kept };
}

function split(stage: readonly Op[], missing: Missing): readonly [free: Op[], held: Op[]] {
  const [free, held]: [Op[], Op[]] = [[], []];
  for (const op of stage) (isHeld(op, missing) ? held : free).push(op);
  return [free, held];
}

function isHeld(op: Op, { links, macs, gateways, kept }: Missing): boolean {
  if (op.verb === 'remove') return isCarrier(op, kept);
  if (op.object === 'neighbour') return macs.has(`${op.value.link} ${op.value.mac}`);
  if (op.object !== 'route' || !leadsToPeer(op.value.via)) return false;
  const { link, gateway } = op.value.via;
  return links.has(link) || gateways.has(`${link} ${gateway}`);
}

function isCarrier(op: Op, { links, macs, gateways }: Kept): boolean {
  if (op.object === 'link') return links.has(op.value.name);
  if (op.object === 'fdb') return macs.has(`${op.value.link} ${op.value.mac}`);
  if (op.object === 'neighbour') return gateways.has(`${op.value.link} ${op.value.address}`);
  return op.object === 'nexthop' && gateways.has(`${op.value.link} ${op.value.gateway}`);
}

const leadsToPeer = (via: RouteVia): via is Extract<RouteVia, { readonly gateway: unknown }> =>
  via.kind === 'nexthop' || via.kind === 'gateway';
