// Turns a stopped agent's state directory into what an agent of another format left: format 1 as
// its code wrote it, or one to come, which nobody can read yet. Only for agents that do not run.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Json = Record<string, unknown>;

/** A format that no version of Poplin knows. */
export const FORMAT_TO_COME = 9;

const readJson = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json;

/** As all files were written: over the one before, and readable by a person. */
const writeJson = (path: string, json: Json): void =>
  writeFileSync(path, `${JSON.stringify(json, null, 2)}\n`, { mode: 0o600 });

function attachmentFiles(stateDir: string): string[] {
  const directory = join(stateDir, 'attachments');
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json') || name.endsWith('.pending'))
    .map((name) => join(directory, name));
}

/** Returns how many attachments there are. */
export function writeFormat1(stateDir: string): number {
  const attachments = attachmentFiles(stateDir);
  for (const path of attachments) {
    // Format 1 had neither of these two.
    const { version, netnsCookie, ...rest } = readJson(path);
    writeJson(path, rest);
  }
  const released = join(stateDir, 'attachments', 'released');
  if (existsSync(released)) {
    const lines = readFileSync(released, 'utf8').split('\n').slice(1);
    writeFileSync(released, lines.join('\n'));
  }
  const sysctls = join(stateDir, 'original-sysctls.json');
  if (existsSync(sysctls)) writeJson(sysctls, readJson(sysctls).values as Json);
  const netConf = join(stateDir, 'last-good-net-conf.json');
  writeFileSync(netConf, String(readJson(netConf).text));
  // It kept no files for reuse and no snapshot.
  rmSync(join(stateDir, 'attachments.spare'), { recursive: true, force: true });
  for (const name of ['cluster.json', 'holding.json']) {
    rmSync(join(stateDir, name), { force: true });
  }
  return attachments.length;
}

/** Returns the texts by path. */
export function writeFormatToCome(stateDir: string): Map<string, string> {
  const texts = new Map<string, string>();
  const files = ['original-sysctls.json', 'last-good-net-conf.json', 'cluster.json', 'holding.json']
    .map((name) => join(stateDir, name))
    .filter((path) => existsSync(path));
  for (const path of [...attachmentFiles(stateDir), ...files]) {
    writeJson(path, {
      version: FORMAT_TO_COME,
      node: '',
      machine: '',
      content: 'in its own words',
    });
    texts.set(path, readFileSync(path, 'utf8'));
  }
  return texts;
}
