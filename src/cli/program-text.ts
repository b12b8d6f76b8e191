// The machine code of Node.js in this process. Most of what a start touches of it is never needed
// again, and the kernel maps what lies beside it too, so that some 25 of the agent's 70 MB are code
// that it does not run; a node counts them as in use. They are taken off the page tables, from
// where they come back by themselves, without a read from disk, as they are needed. Only executable
// mappings are touched: in others the dynamic linker has written addresses, which would be lost.

import { readFileSync } from 'node:fs';
import { dropCleanPages } from '../kernel/libc.ts';

export type TextMapping = { readonly start: bigint; readonly lengthBytes: bigint };

/** What of `maps` (/proc/PID/maps, proc(5)) is private, readable, executable code of `program`. */
export function textMappings(maps: string, program: string): TextMapping[] {
  return maps.split('\n').flatMap((line) => {
    const match = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \S+ +(\S.*)$/.exec(line);
    if (match === null || match[3] !== program) return [];
    const start = BigInt(`0x${match[1]}`);
    return [{ start, lengthBytes: BigInt(`0x${match[2]}`) - start }];
  });
}

/** Never throws: a process that cannot do it is only larger. */
export function dropProgramText(): void {
  let maps: string;
  try {
    maps = readFileSync('/proc/self/maps', 'utf8');
  } catch {
    return; // No /proc here.
  }
  for (const { start, lengthBytes } of textMappings(maps, process.execPath)) {
    dropCleanPages(start, lengthBytes);
  }
}
