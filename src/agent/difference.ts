// What a pass has to change: what is wanted, compared with what is there. Of a cluster that is only
// remembered it yields no removal, which the types see to. Pure.

import type { Remembered, Synced } from '../cluster/cluster.ts';
import type { Config } from '../config/config.ts';
import type { Desired, Local } from '../desired/desired.ts';
import { desired } from '../desired/desired.ts';
import { diff, diffRemembered } from '../state/diff.ts';
import type { KernelState } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';

type Input = { readonly config: Config; readonly local: Local };

/** What is wanted and what that changes: of a remembered cluster without removals, by type. */
export function differenceOf(
  { cluster, ...rest }: Input & { readonly cluster: Synced | Remembered },
  actual: KernelState,
  owned: KernelState,
): { readonly computed: Omit<Desired, 'state'>; readonly differing: readonly Op[] } {
  if (cluster.kind === 'synced') {
    const { state, ...computed } = desired({ ...rest, cluster });
    return { computed, differing: diff(state, actual, owned) };
  }
  const { state, ...computed } = desired({ ...rest, cluster });
  return { computed, differing: diffRemembered(state, actual, owned) };
}
