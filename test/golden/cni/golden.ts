// Compares a text with a file beside the tests; `GOLDEN=write` writes the file instead, and the
// difference is then reviewed in git.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export function matchGolden(file: URL, text: string): void {
  if (process.env.GOLDEN === 'write') {
    mkdirSync(dirname(file.pathname), { recursive: true });
    writeFileSync(file, text);
    return;
  }
  assert.equal(text, readFileSync(file, 'utf8'), `differs from ${file.pathname}`);
}
