// The values of sysctls: those of single links are in what the kernel tells of these, all others
// are files below /proc/sys/net.

import type { Session } from './session.ts';
import { linkSettingOf } from './sysctl.ts';

export function readSysctls(session: Session, paths: readonly string[]): Map<string, string> {
  const inFiles: string[] = [];
  const values = new Map<string, string>();
  for (const path of paths) {
    const setting = linkSettingOf(path);
    if (setting === undefined) {
      inFiles.push(path);
      continue;
    }
    const index = session.links.indexOf(setting.link);
    const link = index === undefined ? undefined : session.links.get(index);
    const value = link?.ipv4Settings[setting.id - 1];
    if (value !== undefined) values.set(path, String(value));
  }
  for (const [path, value] of session.sysctls.read(inFiles)) values.set(path, value);
  return values;
}
