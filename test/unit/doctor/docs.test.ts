// docs/doctor.md against the code: a row for each check in the order of their names, and a row for
// each member of the JSON.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { diagnose } from '../../../src/doctor/diagnose.ts';
import { unknown } from '../../../src/doctor/facts.ts';
import { CHECK_NAMES } from '../../../src/doctor/names.ts';
import { factsWith } from '../../fake/doctor.ts';

const page = readFileSync(new URL('../../../docs/doctor.md', import.meta.url), 'utf8');

const rowsOf = (heading: string): string[] => {
  const [, rest = ''] = page.split(`\n## ${heading}\n`);
  const [section = ''] = rest.split('\n## ');
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name ?? '');
};

test('docs/doctor.md has a row for each check', () => {
  assert.deepEqual(rowsOf('Checks'), [...CHECK_NAMES]);
});

test('docs/doctor.md has a row for each member of the JSON', () => {
  const diagnosis = diagnose(factsWith({ agent: unknown('away') }), '0.1.0');
  const members = Object.entries(diagnosis).flatMap(([name, value]) => {
    if (!Array.isArray(value)) return [name];
    const [first] = value;
    assert.ok(first !== undefined, `an example of ${name}`);
    return Object.keys(first).map((member) => `${name}[].${member}`);
  });
  assert.deepEqual(rowsOf('JSON').toSorted(), members.toSorted());
});
