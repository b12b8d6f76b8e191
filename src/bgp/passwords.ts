// What may be the password of a session. BIRD's strings know no escapes, and the kernel takes 80
// bytes (TCP_MD5SIG_MAXKEYLEN), so some texts cannot be one. A session whose password is missing
// or cannot be said is left out: without its password it would talk to anybody. No password is in
// any message.

import type { SecretKey } from '../config/bgp-settings.ts';
import type { Session } from './speaker-types.ts';

const LENGTH_MAX = 80;

/** By `passwordId`. */
export type Passwords = ReadonlyMap<string, string>;

export const passwordId = ({ secret, key }: SecretKey): string => `${secret}/${key}`;

/** Why `text` cannot be a password; undefined when it can. */
export function explainPassword(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (text.length > LENGTH_MAX)
    return `has ${text.length} characters: at most ${LENGTH_MAX} can be`;
  if (/[^ -~]/.test(text)) {
    return 'has a character that is not printable ASCII, perhaps a line break at its end';
  }
  return text.includes('"') ? 'has a double quote, which BIRD cannot be told' : undefined;
}

/** A session that can be, with its password, or why it cannot. */
export function passwordOf(
  { password }: Session,
  passwords: Passwords,
): { readonly text: string | undefined } | { readonly problem: string } {
  if (password === undefined) return { text: undefined };
  const { secret, key } = password;
  const text = passwords.get(passwordId(password));
  const why = text === undefined ? 'is not there' : explainPassword(text);
  if (why === undefined) return { text };
  return { problem: `its password, key ${JSON.stringify(key)} of Secret ${secret}, ${why}` };
}

/** Why sessions are left out, in words. */
export const passwordProblems = (
  sessions: readonly Session[],
  passwords: Passwords,
): readonly string[] =>
  sessions.flatMap((session) => {
    const found = passwordOf(session, passwords);
    return 'problem' in found ? [`session ${session.name}: ${found.problem}`] : [];
  });
