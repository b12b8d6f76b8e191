// The snapshot's files on a real disk, in the state directory. A file is synced before it takes the
// place of the one before, so that a power loss leaves one of the two, whole.

import { readFileSync, renameSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotFiles } from './snapshot-keeper.ts';

export const snapshotFiles = (stateDir: string): SnapshotFiles => ({
  read(name) {
    try {
      return readFileSync(join(stateDir, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },

  async write(name, text) {
    const temporary = join(stateDir, `${name}.tmp`);
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(stateDir, name));
  },

  rename(name, to) {
    renameSync(join(stateDir, name), join(stateDir, to));
  },
});
