// Remembers what every sysctl was before Poplin changed it first, so that `cleanup` can put it back
// (invariant 3). Written before the change; a record is never overwritten. Format 1 held the values
// alone.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Log } from '../lib/log.ts';
import { asidePath, formatVersionOf, newerFormat } from '../lib/state-format.ts';
import { ownsLink } from '../state/own.ts';

const FILE_NAME = 'original-sysctls.json';
const VERSION = 2;
const valuesSchema = z.record(z.string(), z.string());
const schema = z.object({ version: z.literal(VERSION), values: valuesSchema });

export class OriginalSysctls {
  readonly #path: string;
  readonly #values: Map<string, string>;

  constructor(stateDir: string, log: Log) {
    this.#path = join(stateDir, FILE_NAME);
    this.#values = load(this.#path, log);
  }

  /** `before` is the value that is about to be replaced. Throws when the disk does not take it. */
  record(path: string, before: string | undefined): void {
    const link = path.split('/')[2] ?? '';
    // Own links go at cleanup, and their sysctls with them.
    if (before === undefined || this.#values.has(path) || ownsLink(link)) return;
    this.#values.set(path, before);
    const temporary = `${this.#path}.tmp`;
    const values = Object.fromEntries(this.#values);
    const text = JSON.stringify({ version: VERSION, values }, null, 2);
    writeFileSync(temporary, `${text}\n`, { mode: 0o600 });
    renameSync(temporary, this.#path);
  }
}

function load(path: string, log: Log): Map<string, string> {
  try {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const version = formatVersionOf(json);
    if (version > VERSION) {
      const aside = asidePath(path, version);
      renameSync(path, aside);
      log.warn({ path, aside, problem: newerFormat(version, VERSION) }, 'a file is set aside');
      return new Map();
    }
    const values = version === VERSION ? schema.parse(json).values : valuesSchema.parse(json);
    return new Map(Object.entries(values));
  } catch {
    // Absent at the first start. Unreadable: what is recorded from now on is still better than
    // none.
    return new Map();
  }
}
