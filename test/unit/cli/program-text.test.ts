// The code of Node.js is dropped from memory, and nothing else.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { dropProgramText, textMappings } from '../../../src/cli/program-text.ts';

const PROGRAM = '/opt/node/bin/node';

const MAPS = `00400000-00746000 r--p 00000000 fe:00 4219 ${PROGRAM}
0074a000-03044000 r-xp 0034a000 fe:00 4219 ${PROGRAM}
06b52000-06b56000 r--p 06751000 fe:00 4219 ${PROGRAM}
06b56000-06b7d000 rw-p 06755000 fe:00 4219 ${PROGRAM}
0ab52000-0ad56000 r-xs 00000000 fe:00 4219 ${PROGRAM}
7f0000000000-7f0000010000 r-xp 00000000 00:00 0 
7f8630028000-7f863017d000 r-xp 00028000 fe:00 77 /usr/lib/libc.so.6
7f9000000000-7f9000001000 r-xp 00000000 fe:00 78 ${PROGRAM}s
7ffc2d5f2000-7ffc2d5f4000 r-xp 00000000 00:00 0 [vdso]
`;

test('of all mappings only the private code of the program itself is dropped', () => {
  assert.deepEqual(textMappings(MAPS, PROGRAM), [{ start: 0x74a000n, lengthBytes: 0x28fa000n }]);
});

test('dropping the text makes the process smaller, and it goes on', () => {
  const residentBytes = (): number => {
    const [, resident] = readFileSync('/proc/self/statm', 'utf8').split(' ');
    return Number(resident) * 4096;
  };
  const beforeBytes = residentBytes();
  dropProgramText();
  assert.ok(residentBytes() < beforeBytes - 4 * 1024 * 1024);
  assert.equal([3, 1, 2].toSorted().join(), '1,2,3');
});
