// Passwords of BGP sessions as files on the node: `DIRECTORY/SECRET/KEY`, which is how Secrets look
// where they are mounted. Read anew each time, so that a change is followed. What they hold goes to
// bird.conf and nowhere else: no name of this file is ever logged with a content.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Passwords } from '../bgp/passwords.ts';
import { explainPassword, passwordId } from '../bgp/passwords.ts';
import type { SecretKey } from '../config/bgp-settings.ts';

/** Far more than a password may have; src/bgp says what is wrong with a long one. */
const READ_MAX_BYTES = 4_096;
/** As Kubernetes has them: no part of a path can be in it. */
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,253}$/;

/** Those that are not there are left out. */
export function readPasswords(directory: string, names: readonly SecretKey[]): Passwords {
  const found = new Map<string, string>();
  for (const { secret, key } of names) {
    if (!NAME.test(secret) || !NAME.test(key)) continue;
    const text = readText(join(directory, secret, key));
    if (text !== undefined) found.set(passwordId({ secret, key }), text);
  }
  return found;
}

const NONE: Passwords = new Map();

export class BirdPasswords {
  readonly #read: (names: readonly SecretKey[]) => Passwords;
  #names: readonly SecretKey[] = [];
  #found: Passwords = new Map();
  #used: Passwords = new Map();

  constructor(read: (names: readonly SecretKey[]) => Passwords) {
    this.#read = read;
  }

  /**
   * `used` are those that sessions are to have: where one is gone, or cannot be one, the last that
   * could, since a session that runs is worth more than none; `before` has those that BIRD runs by.
   */
  look(
    names: readonly SecretKey[],
    before: () => Passwords = () => NONE,
  ): { readonly found: Passwords; readonly used: Passwords } {
    const found = this.#read(names);
    const used = names.map(passwordId).flatMap((id): readonly [string, string][] => {
      const text = found.get(id);
      const isGood = text !== undefined && explainPassword(text) === undefined;
      const last = isGood ? text : (this.#used.get(id) ?? before().get(id));
      return last === undefined ? [] : [[id, last]];
    });
    this.#names = names;
    this.#found = found;
    this.#used = new Map(used);
    return { found, used: this.#used };
  }

  /** Whether any of those that were last looked for is another by now. */
  hasNews(): boolean {
    if (this.#names.length === 0) return false;
    const now = this.#read(this.#names);
    return this.#names.map(passwordId).some((id) => now.get(id) !== this.#found.get(id));
  }
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
