// What is written down before the ops of a pass are carried out: the ops in the log, and on disk
// what the sysctls were that they change.

import type { Kernel, ReadScope } from '../kernel/kernel.ts';
import type { Log } from '../lib/log.ts';
import type { KernelState } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { printOp } from '../state/print.ts';
import type { OriginalSysctls } from './original-sysctls.ts';

/** Of a pass that changes thousands of objects the log shows the first ones. */
const LOGGED_OPS_MAX = 100;

type Recorders = {
  readonly kernel: Pick<Kernel, 'read'>;
  readonly log: Log;
  readonly originals: OriginalSysctls;
};

/** Throws what the disk says. */
export function recordOps(
  { kernel, log, originals }: Recorders,
  ops: readonly Op[],
  { before, scope }: { readonly before: KernelState; readonly scope: ReadScope },
): void {
  for (const op of ops.slice(0, LOGGED_OPS_MAX)) log.debug({ op: printOp(op) }, 'apply');
  if (ops.length > LOGGED_OPS_MAX) log.debug({ ops: ops.length }, 'apply: and further ones');
  const read = (sysctls: readonly string[]): ReadonlyMap<string, string> =>
    kernel.read({ ...scope, sysctls, aside: true }).sysctls;
  originals.recordBefore(ops, before, read);
}
