// The executable by each compiler that a distribution may build it with: without a warning, static,
// small, and doing the same.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { call, envOf, make } from './executable.ts';

const MUSL_BYTES_MAX = 100_000;
const GLIBC_BYTES_MAX = 1_000_000;

describe('the executable', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'poplin-compilers-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const [compiler, bytesMax] of [
    ['musl-gcc', MUSL_BYTES_MAX],
    ['gcc', GLIBC_BYTES_MAX],
    ['clang', GLIBC_BYTES_MAX],
  ] as const) {
    test(`by ${compiler} is static, under ${bytesMax} bytes, and works`, async (t) => {
      const build = join(directory, compiler);
      make(`CC=${compiler}`, `BUILD=${build}`);
      const executable = join(build, 'poplin');
      const { size } = statSync(executable);
      t.diagnostic(`${size} bytes`);
      assert.ok(size < bytesMax, `${size} bytes`);
      assert.doesNotMatch(readFileSync(executable, 'latin1'), /\/lib\d*\/(?:[\w-]+\/)?ld-/);
      const version = await call(executable, { env: { CNI_COMMAND: 'VERSION' } });
      assert.equal(JSON.parse(version.stdout).cniVersion, '1.1.0');
      // The default socket's path is nowhere but in it.
      const status = await call(executable, { env: envOf('STATUS'), stdin: '{}' });
      assert.equal(typeof JSON.parse(status.stdout).code, 'number', status.stdout);
    });
  }

  test('has nothing that the compiler finds by following its paths', () => make('analyze'));

  test('is not built from what deserves a warning', () => {
    const fault = join(directory, 'fault.h');
    writeFileSync(
      fault,
      'static int unused_by_all(long value) { int narrow = value; return narrow; }',
    );
    const flags = `CFLAGS=-std=gnu11 $(WARNINGS) -include ${fault}`;
    assert.throws(() => make(flags, `BUILD=${join(directory, 'wrong')}`), /Werror=conversion/);
  });
});
