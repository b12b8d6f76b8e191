// Golden files: text that our pure functions render, kept in test/golden so that a change shows up
// as a diff that a person can read. `npm run golden` (GOLDEN=write) writes them anew; git says what
// changed. In a normal run a missing or different file fails the test.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** `name` is a path below test/golden: `nft/dual-stack.nft`. */
export function checkGolden(name: string, text: string): void {
  const file = new URL(name, import.meta.url);
  if (process.env.GOLDEN === 'write') {
    mkdirSync(dirname(file.pathname), { recursive: true });
    writeFileSync(file, text);
    return;
  }
  assert.equal(text, readGolden(file), `${name} differs; npm run golden writes it anew`);
}

function readGolden(file: URL): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${file.pathname} cannot be read; npm run golden writes it`, { cause: error });
  }
}
