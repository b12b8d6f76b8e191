// Reads a flag that is a number of seconds. What is none is an error that names the flag, the value
// and the range.

import { wrong } from './flag-errors.ts';

export function parseSeconds<Flag extends string>(
  flag: Flag,
  value: (flag: Flag) => string,
  [min, max]: readonly [number, number],
): number {
  const text = value(flag);
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < min || seconds > max) {
    throw wrong(flag, text, `a number of seconds from ${min} to ${max}`);
  }
  return seconds;
}
