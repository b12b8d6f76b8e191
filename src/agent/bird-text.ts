// The text of bird.conf with a constant in it that names the text: BIRD itself is asked for its
// value, so that what it runs is known whoever started it, and whatever died meanwhile. What BIRD
// says of a text is cleared of the passwords in it. Pure.

import { createHash } from 'node:crypto';

export const CONFIG_CONSTANT = 'POPLIN_CONFIG';

export type BirdText = { readonly text: string; readonly hash: string };

export function birdText(wanted: string): BirdText {
  const hash = createHash('sha256').update(wanted).digest('hex').slice(0, 16);
  const body = wanted.endsWith('\n') ? wanted : `${wanted}\n`;
  return { hash, text: `${body}\ndefine ${CONFIG_CONSTANT} = "${hash}";\n` };
}

/** The name that a text has in itself; undefined for one that somebody else has written. */
export const hashIn = (text: string): string | undefined =>
  new RegExp(`^define ${CONFIG_CONSTANT} = "([0-9a-f]+)";\\n$`, 'm').exec(text.slice(-60))?.[1];

/** BIRD has no reason to say a password; a version to come may have one. */
export function withoutPasswords(words: string, text: string): string {
  const passwords = [...text.matchAll(/\bpassword\s+"([^"\n]+)"/g)].map(
    ([, password = '']) => password,
  );
  return passwords.reduce((left, password) => left.replaceAll(password, '…'), words);
}
