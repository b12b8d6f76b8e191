// Netlink messages that a real kernel (6.18) sent, one per file, without sequence number and port
// id. The unit tests know what they mean; the fuzz test breaks them.

import { readdirSync, readFileSync } from 'node:fs';

const DIRECTORY = new URL('./corpus/netlink/', import.meta.url);

export const capturedNames: readonly string[] = readdirSync(DIRECTORY)
  .map((file) => file.replace(/\.hex$/, ''))
  .sort();

export function captured(name: string): Buffer {
  const text = readFileSync(new URL(`${name}.hex`, DIRECTORY), 'ascii');
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}
