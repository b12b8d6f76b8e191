// Remembers what every sysctl was before Poplin changed it first, so that `cleanup` can put it back
// (invariant 3). Written before the change; a record is never overwritten.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { ownsLink } from '../state/own.ts';

const FILE_NAME = 'original-sysctls.json';
const schema = z.record(z.string(), z.string());

export class OriginalSysctls {
  readonly #path: string;
  readonly #values: Map<string, string>;

  constructor(stateDir: string) {
    this.#path = join(stateDir, FILE_NAME);
    this.#values = load(this.#path);
  }

  /** `before` is the value that is about to be replaced. Throws when the disk does not take it. */
  record(path: string, before: string | undefined): void {
    const link = path.split('/')[2] ?? '';
    // Own links go at cleanup, and their sysctls with them.
    if (before === undefined || this.#values.has(path) || ownsLink(link)) return;
    this.#values.set(path, before);
    const temporary = `${this.#path}.tmp`;
    const text = JSON.stringify(Object.fromEntries(this.#values), null, 2);
    writeFileSync(temporary, `${text}\n`, { mode: 0o600 });
    renameSync(temporary, this.#path);
  }
}

function load(path: string): Map<string, string> {
  try {
    return new Map(Object.entries(schema.parse(JSON.parse(readFileSync(path, 'utf8')))));
  } catch {
    // Absent at the first start. Unreadable: what is recorded from now on is still better than
    // none.
    return new Map();
  }
}
