// A file of text that others see whole, as it was or as it will be, and never half of it: written
// beside its place and renamed into it. It is not synchronised to the disk; a crash of the machine
// may leave an older text or an empty file.

import { renameSync, writeFileSync } from 'node:fs';

/** Throws what the disk says. */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  const temporary = `${path}.tmp`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, path);
}
