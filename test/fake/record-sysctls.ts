// An agent is about to change sysctls that have these values now, one pass for all of them.

import type { OriginalSysctls, ReadSysctls } from '../../src/agent/original-sysctls.ts';
import { EMPTY_STATE } from '../../src/state/kernel-state.ts';
import type { Op } from '../../src/state/op.ts';

export function recordSysctls(
  originals: OriginalSysctls,
  before: Readonly<Record<string, string>>,
  read: ReadSysctls = () => new Map(),
): void {
  const ops = Object.keys(before).map(
    (path): Op => ({ verb: 'change', object: 'sysctl', value: { path, value: 'another' } }),
  );
  originals.recordBefore(ops, { ...EMPTY_STATE, sysctls: new Map(Object.entries(before)) }, read);
}
