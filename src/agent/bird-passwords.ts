// Passwords of BGP sessions as files on the node: `DIRECTORY/SECRET/KEY`, which is how Secrets look
// where they are mounted. Read anew each time, so that a change is followed. What they hold goes to
// bird.conf and nowhere else: no name of this file is ever logged with a content.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Far more than a password may have; src/bgp says what is wrong with a long one. */
const READ_MAX_BYTES = 4_096;
/** As Kubernetes has them: no part of a path can be in it. */
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,253}$/;

export type PasswordName = { readonly secret: string; readonly key: string };

/** By `SECRET/KEY`; those that are not there are left out. */
export function readPasswords(
  directory: string,
  names: readonly PasswordName[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { secret, key } of names) {
    if (!NAME.test(secret) || !NAME.test(key)) continue;
    const text = readText(join(directory, secret, key));
    if (text !== undefined) found.set(`${secret}/${key}`, text);
  }
  return found;
}

/** Without the line break that an editor leaves behind the last line. */
function readText(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').slice(0, READ_MAX_BYTES);
    return text.replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}
