// The passwords that a text of bird.conf has for the sessions of now. An agent that has just
// started and finds a password missing or bad knows nothing of the one before but what BIRD runs
// by, and a session that runs is worth more than none. Reads what render.ts has written, and
// nothing else. Pure.

import type { Passwords } from './passwords.ts';
import { passwordId } from './passwords.ts';
import type { Session } from './speaker-types.ts';

const HEAD = /^(?:template bgp (\w+)|protocol bgp '([^'\n]+)'(?: from (\w+))?) \{$/m;
const PASSWORD = /^ {2}password "([^"\n]+)";$/m;

export function writtenPasswords(text: string, sessions: readonly Session[]): Passwords {
  const own = new Map<string, string>();
  const templates = new Map<string, string>();
  for (const block of text.split('\n\n')) {
    const [, template, protocol, from] = HEAD.exec(block) ?? [];
    const password = PASSWORD.exec(block)?.[1];
    const name = template ?? protocol;
    if (name === undefined) continue;
    if (password !== undefined) own.set(name, password);
    if (from !== undefined) templates.set(name, from);
  }
  return new Map(
    sessions.flatMap(({ name, password }): readonly [string, string][] => {
      const written = own.get(name) ?? own.get(templates.get(name) ?? '');
      return password === undefined || written === undefined
        ? []
        : [[passwordId(password), written]];
    }),
  );
}
