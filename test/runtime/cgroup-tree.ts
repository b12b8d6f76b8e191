// A control group with all below it, as container runtimes leave them behind.

import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/** Whether all of it is gone: a group stays while processes in it are ending. */
export function removeCgroupTree(cgroup: string): boolean {
  if (!existsSync(cgroup)) return true;
  const below = readdirSync(cgroup, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const areGone = below.map(({ name }) => removeCgroupTree(join(cgroup, name))).every(Boolean);
  try {
    rmdirSync(cgroup);
    return areGone;
  } catch {
    return false;
  }
}
