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

/** A session that can be, with its password; undefined where it has to be left out. */
export function passwordOf(
  { password }: Session,
  passwords: Passwords,
): { readonly text: string | undefined } | undefined {
  if (password === undefined) return { text: undefined };
  const text = passwords.get(passwordId(password));
  return explainFound(text) === undefined ? { text } : undefined;
}

const explainFound = (text: string | undefined): string | undefined =>
  text === undefined ? 'is not there' : explainPassword(text);

/** Which passwords the sessions need, each once. */
export const secretKeysOf = (sessions: readonly Session[]): readonly SecretKey[] => {
  const named = sessions.flatMap(({ password }) => (password === undefined ? [] : [password]));
  return [...new Map(named.map((key) => [passwordId(key), key])).values()];
};

/** What is wrong with the passwords that are `found`, where others may be `used` instead. */
export const passwordProblems = (
  sessions: readonly Session[],
  { found, used }: { readonly found: Passwords; readonly used: Passwords },
): readonly string[] =>
  secretKeysOf(sessions).flatMap((password) => {
    const { secret, key } = password;
    const id = passwordId(password);
    const why = explainFound(found.get(id));
    if (why === undefined) return [];
    const of = sessions.filter(
      (session) => session.password && passwordId(session.password) === id,
    );
    const so = used.has(id) ? 'the one before stays in use' : `no session with ${othersOf(of)}`;
    return [`the password in key ${JSON.stringify(key)} of Secret ${secret} ${why}: ${so}`];
  });

const NAMED_MAX = 5;

function othersOf(sessions: readonly Session[]): string {
  const names = [...new Set(sessions.map(({ remoteName }) => remoteName))];
  const named = names.slice(0, NAMED_MAX).join(', ');
  return names.length > NAMED_MAX ? `${named} and ${names.length - NAMED_MAX} others` : named;
}
