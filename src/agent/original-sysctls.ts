// Remembers what every sysctl was before Poplin changed it first, so that `cleanup` can put it back
// (invariant 3). Written before the change; a record is never overwritten while the machine is up.
// After a reboot all of them are again as the machine's own configuration has them, which may be
// another one than before: what was recorded then means nothing any more. Format 1 held the values
// alone, format 2 not the boot; both are taken as of this boot, and written anew at once.

import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { changedWith } from '../desired/sysctls.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { asidePath, formatVersionOf, newerFormat } from '../lib/state-format.ts';
import { writeWhole } from '../lib/whole-file.ts';
import { adoptedFrom } from '../state/adopted.ts';
import type { KernelState } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { ownsLink } from '../state/own.ts';

const FILE_NAME = 'original-sysctls.json';
const VERSION = 3;
const valuesSchema = z.record(z.string(), z.string());
const format2Schema = z.object({ version: z.literal(2), values: valuesSchema });
const schema = z.object({ version: z.literal(VERSION), bootId: z.string(), values: valuesSchema });

/** The values of those that are there. */
export type ReadSysctls = (paths: readonly string[]) => ReadonlyMap<string, string>;

export type OriginalsParse =
  /** Of this boot. */
  | { readonly kind: 'ok'; readonly values: ReadonlyMap<string, string>; readonly isOld: boolean }
  | { readonly kind: 'newer'; readonly version: number; readonly problem: string }
  | { readonly kind: 'unreadable'; readonly problem: string };

export class OriginalSysctls {
  readonly #path: string;
  readonly #bootId: string;
  readonly #values: Map<string, string>;

  constructor(stateDir: string, bootId: string, log: Log) {
    this.#path = join(stateDir, FILE_NAME);
    this.#bootId = bootId;
    const parsed = readOriginals(stateDir, bootId);
    // Unreadable: what is recorded from now on is still better than none.
    this.#values = new Map(parsed.kind === 'ok' ? parsed.values : []);
    if (parsed.kind === 'newer') this.#setAside(parsed, log);
    if (parsed.kind === 'ok' && parsed.isOld) this.#rewrite(log);
  }

  /**
   * What these ops replace, and what the kernel replaces with it, which `read` reads. To be called
   * before they are carried out; throws when the disk does not take it.
   */
  recordBefore(ops: readonly Op[], { sysctls, links }: KernelState, read: ReadSysctls): void {
    const found = new Map<string, string>();
    for (const op of ops) {
      if (op.object !== 'sysctl') continue;
      const { path } = op.value;
      const former = formerPath(path, links);
      if (this.#values.has(former)) continue;
      const before = sysctls.get(path);
      const [, ...consequences] = changedWith(path, [...links.keys()]);
      if (before !== undefined) found.set(former, before);
      if (consequences.length === 0) continue;
      for (const [each, value] of read(consequences)) found.set(each, value);
    }
    this.#record(found);
  }

  #record(found: ReadonlyMap<string, string>): void {
    // Own links go at cleanup, and their sysctls with them.
    const added = [...found].filter(
      ([path]) => !this.#values.has(path) && !ownsLink(path.split('/')[2] ?? ''),
    );
    if (added.length === 0) return;
    for (const [path, value] of added) this.#values.set(path, value);
    this.#write();
  }

  #write(): void {
    const values = Object.fromEntries(this.#values);
    const text = JSON.stringify({ version: VERSION, bootId: this.#bootId, values }, null, 2);
    writeWhole(this.#path, `${text}\n`);
  }

  #setAside({ version, problem }: { version: number; problem: string }, log: Log): void {
    const path = this.#path;
    const aside = asidePath(path, version);
    try {
      renameSync(path, aside);
      log.warn({ path, aside, problem }, 'a file is set aside');
    } catch (error) {
      log.warn({ path, problem, error: describeError(error) }, 'a file stays');
    }
  }

  /** So that a reboot is noticed from now on. */
  #rewrite(log: Log): void {
    try {
      this.#write();
    } catch (error) {
      log.warn({ error: describeError(error) }, `${this.#path} could not be written`);
    }
  }
}

/** A device that was Flannel's may be again, by its name of before. */
function formerPath(path: string, links: KernelState['links']): string {
  const [family, kind, name = '', ...rest] = path.split('/');
  const link = links.get(name);
  const adopted = link === undefined ? undefined : adoptedFrom(link);
  return adopted === undefined ? path : [family, kind, adopted.from, ...rest].join('/');
}

/** What was recorded since this boot; nothing is written. */
export function readOriginals(stateDir: string, bootId: string): OriginalsParse {
  let text: string;
  try {
    text = readFileSync(join(stateDir, FILE_NAME), 'utf8');
  } catch {
    // Absent until something is changed.
    return { kind: 'ok', values: new Map(), isOld: false };
  }
  try {
    return parseOriginals(JSON.parse(text), bootId);
  } catch {
    return { kind: 'unreadable', problem: `${FILE_NAME} is not understood` };
  }
}

/** Throws what is wrong with it. */
function parseOriginals(json: unknown, bootId: string): OriginalsParse {
  const version = formatVersionOf(json);
  if (version > VERSION) {
    return { kind: 'newer', version, problem: newerFormat(version, VERSION) };
  }
  if (version < VERSION) {
    const values = version === 2 ? format2Schema.parse(json).values : valuesSchema.parse(json);
    return { kind: 'ok', values: new Map(Object.entries(values)), isOld: true };
  }
  const { bootId: recordedIn, values } = schema.parse(json);
  const isOld = recordedIn !== bootId;
  return { kind: 'ok', values: new Map(isOld ? [] : Object.entries(values)), isOld: false };
}
