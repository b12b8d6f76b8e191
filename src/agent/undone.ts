// What a pass must not tell of when the kernel has refused some of it, or while it is under way: a
// probe whose route is missing or changes would speak of another path, and a device that could not
// be made receives nothing. Pure; what is held back in the kernel itself is careful-apply.ts.

import type { Advert, VxlanReceiver } from '../cluster/advert.ts';
import type { PathProbe } from '../desired/probes.ts';
import type { OpFailure } from '../kernel/kernel.ts';
import { cidrAddress } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { Op } from '../state/op.ts';
import { PROBE_TABLE } from '../state/own.ts';

/** Without rule and route a marked probe would go by the path in use, and tell of that one. */
export const isLaidOut = (probe: PathProbe, undone: readonly Op[]): boolean =>
  !probe.isMarked ||
  probe.isWaiting === true ||
  !undone.some((op) => op.verb !== 'remove' && leads(op, probe));

/** Which marked packets go otherwise: all of a family, or those to some destinations. */
export type ProbeTurns = {
  readonly families: ReadonlySet<Family>;
  readonly destinations: ReadonlySet<Ip>;
};

/** From these changes on. */
export const probeTurnsIn = (ops: readonly Op[]): ProbeTurns => ({
  families: new Set(ops.flatMap((op) => (op.object === 'rule' ? [op.value.family] : []))),
  destinations: new Set(ops.flatMap((op) => probeRouteOf(op) ?? [])),
});

const leads = (op: Op, { family, destination }: PathProbe): boolean =>
  op.object === 'rule' ? op.value.family === family : probeRouteOf(op) === destination;

const probeRouteOf = (op: Op): Ip | undefined =>
  op.object === 'route' && op.value.table === PROBE_TABLE
    ? cidrAddress(op.value.destination)
    : undefined;

/** What could not be made is not promised to peers. */
export function withoutFailed(advert: Advert, failures: readonly OpFailure[]): Advert {
  const failed = failures.flatMap(({ op }) =>
    op.object === 'link' && op.verb === 'add' && op.value.kind === 'vxlan' ? [op.value] : [],
  );
  if (failed.length === 0) return advert;
  const isMade = ({ family, vni, port }: VxlanReceiver): boolean =>
    !failed.some(
      (link) => link.vni === vni && link.portNumber === port && familyOf(link.local) === family,
    );
  return {
    ...advert,
    receives: { ...advert.receives, vxlan: advert.receives.vxlan.filter(isMade) },
  };
}
