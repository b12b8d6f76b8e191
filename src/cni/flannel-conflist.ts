// Flannel's conflist beside ours. The runtime takes the first file by name, and Flannel's comes
// before ours: so it gets a name that no runtime looks at, in the same directory, which tells of
// itself what it was. Only files that name Flannel's plugin are touched.

import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { extname, join } from 'node:path';
import { AppError, describeError } from '../lib/errors.ts';
import { CONFLIST_NAME } from './conflist.ts';

const ASIDE = '.set-aside-by-poplin';
/** What libcni takes for configurations. */
const EXTENSIONS: ReadonlySet<string> = new Set(['.conf', '.conflist', '.json']);
const PLUGIN = 'flannel';

/** Paths of those in use, in the order of their names; none where there is no directory. */
export function flannelConflists(directory: string): readonly string[] {
  return namesIn(directory)
    .filter((name) => EXTENSIONS.has(extname(name)))
    .map((name) => join(directory, name))
    .filter(namesPlugin);
}

export const setAsideIn = (directory: string): readonly string[] =>
  namesIn(directory)
    .filter((name) => name.endsWith(ASIDE))
    .map((name) => join(directory, name));

/** To be called when ours is there: at no moment has the runtime none. Throws AppError. */
export function setAsideFlannel(directory: string): void {
  for (const path of flannelConflists(directory)) {
    if (path > join(directory, CONFLIST_NAME)) continue;
    attempt(`set ${path} aside`, () => renameSync(path, path + ASIDE));
  }
}

/** A newer one of the same name stays. Throws AppError. */
export function putBackFlannel(path: string): void {
  const original = path.slice(0, -ASIDE.length);
  attempt(`put ${original} back`, () => {
    if (existsSync(original)) rmSync(path, { force: true });
    else renameSync(path, original);
  });
}

/** What was set aside is of no use any more. Throws AppError. */
export function dropSetAside(directory: string): void {
  for (const path of setAsideIn(directory)) {
    attempt(`remove ${path}`, () => rmSync(path, { force: true }));
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function namesPlugin(path: string): boolean {
  try {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof json !== 'object' || json === null) return false;
    const { type, plugins } = json as Record<string, unknown>;
    const types = Array.isArray(plugins) ? plugins.map(typeOf) : [];
    return [type, ...types].includes(PLUGIN);
  } catch {
    return false;
  }
}

const typeOf = (plugin: unknown): unknown =>
  typeof plugin === 'object' && plugin !== null && 'type' in plugin ? plugin.type : undefined;

function attempt(operation: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new AppError('FILE', operation, describeError(error));
  }
}
