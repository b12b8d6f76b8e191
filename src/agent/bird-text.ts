// The text of bird.conf with a constant in it that names the text: BIRD itself is asked for its
// value, so that what it runs is known whoever started it, and whatever died meanwhile. Status and
// log show such names, and a text has passwords: so a name says nothing without the key, which is
// in bird.conf itself, as private as the passwords. What BIRD says of a text is cleared of the
// passwords in it. Pure.

import { createHmac } from 'node:crypto';

export const CONFIG_CONSTANT = 'POPLIN_CONFIG';
const KEY_CONSTANT = 'POPLIN_KEY';
/** More than the two constants take. */
const END_LENGTH = 200;

export type BirdText = { readonly text: string; readonly hash: string };

/** `key`: hex digits that nobody else knows. */
export function birdText(wanted: string, key: string): BirdText {
  const hash = createHmac('sha256', key).update(wanted).digest('hex').slice(0, 16);
  const body = wanted.endsWith('\n') ? wanted : `${wanted}\n`;
  const constants = `define ${KEY_CONSTANT} = "${key}";\ndefine ${CONFIG_CONSTANT} = "${hash}";\n`;
  return { hash, text: `${body}\n${constants}` };
}

/** The name that a text has in itself; undefined for one that somebody else has written. */
export const hashIn = (text: string): string | undefined =>
  new RegExp(`^define ${CONFIG_CONSTANT} = "([0-9a-f]+)";\\n$`, 'm').exec(text.slice(-60))?.[1];

/** The key that it was named by; undefined where there is none. */
export const keyIn = (text: string): string | undefined =>
  new RegExp(`^define ${KEY_CONSTANT} = "([0-9a-f]+)";$`, 'm').exec(text.slice(-END_LENGTH))?.[1];

/** What `text` was made of; undefined for one that somebody else has written. */
export function wantedIn(text: string): string | undefined {
  const wanted = text.slice(0, Math.max(0, text.indexOf(`\ndefine ${KEY_CONSTANT} = `)));
  return birdText(wanted, keyIn(text) ?? '').text === text ? wanted : undefined;
}

/** Whether a BIRD that goes by it speaks to anybody. */
export const hasSessions = (text: string): boolean => /^\s*neighbor /m.test(text);

/** BIRD has no reason to say a password; a version to come may have one. */
export function withoutPasswords(words: string, text: string): string {
  const passwords = [...text.matchAll(/\b(?:password\s+|POPLIN_KEY = )"([^"\n]+)"/g)].map(
    ([, password = '']) => password,
  );
  return passwords.reduce((left, password) => left.replaceAll(password, '…'), words);
}
