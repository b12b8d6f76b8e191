// Files that are kept for the next attachments: which path is given when, and that a disk that
// refuses costs nothing but time.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SpareFiles } from '../../../src/cni/spare-files.ts';
import { systemFiles } from '../../../src/cni/store-files.ts';
import { FakeFiles } from '../../fake/store-files.ts';

const DIRECTORY = '/state/attachments.spare';

test('a file that is kept is given once, and there is none before', () => {
  const files = new FakeFiles();
  const spares = new SpareFiles(files, DIRECTORY);
  assert.equal(spares.take(), undefined);
  files.contents.set('/state/attachments/a', 'text');
  spares.keep('/state/attachments/a');
  assert.deepEqual([...files.contents.keys()], [`${DIRECTORY}/1`]);
  assert.equal(spares.take(), `${DIRECTORY}/1`);
  assert.equal(spares.take(), undefined);
});

test('a later start finds them, gives each name once, and leaves other files alone', () => {
  const files = new FakeFiles();
  for (const name of ['7', '3', 'note', '04']) files.contents.set(`${DIRECTORY}/${name}`, '');
  const spares = new SpareFiles(files, DIRECTORY);
  spares.load();
  assert.deepEqual([spares.take(), spares.take(), spares.take()].sort(), [
    `${DIRECTORY}/3`,
    `${DIRECTORY}/7`,
    undefined,
  ]);
  files.contents.set('/a', '');
  spares.keep('/a');
  assert.equal(spares.take(), `${DIRECTORY}/8`);
});

test('no more than 64 are kept', () => {
  const files = new FakeFiles();
  for (let number = 1; number <= 70; number += 1) files.contents.set(`${DIRECTORY}/${number}`, '');
  const spares = new SpareFiles(files, DIRECTORY);
  spares.load();
  assert.equal(files.contents.size, 64);
  files.contents.set('/a', '');
  spares.keep('/a');
  assert.equal(files.contents.size, 64);
});

test('on a full disk the file is removed instead; on one that is read-only that is an error', () => {
  const files = new FakeFiles();
  const spares = new SpareFiles(files, DIRECTORY);
  files.contents.set('/a', '');
  files.refusal = 'ENOSPC';
  spares.keep('/a');
  assert.equal(files.contents.size, 0);
  assert.equal(spares.take(), undefined);
  files.contents.set('/b', '');
  files.refusal = 'EROFS';
  assert.throws(() => spares.keep('/b'), /EROFS/);
});

test('where their directory is gone, a file of its own is written instead', () => {
  const files = new FakeFiles();
  for (const name of ['1', '2']) files.contents.set(`${DIRECTORY}/${name}`, '');
  const spares = new SpareFiles(files, DIRECTORY);
  spares.load();
  files.removeDirectory(DIRECTORY);
  spares.write('/state/attachments/a', 'text', '/state/attachments/.a.tmp');
  assert.deepEqual([...files.contents], [['/state/attachments/a', 'text']]);
  files.refusal = 'ENOSPC';
  assert.throws(() => spares.write('/b', 'text', '/.b.tmp'), /ENOSPC/);
  files.refusal = undefined;
  assert.deepEqual([...files.contents.keys()], ['/state/attachments/a']);
});

test('a directory that cannot be read has no spare files', () => {
  const files = new FakeFiles();
  files.list = () => {
    throw new Error('EIO');
  };
  const spares = new SpareFiles(files, DIRECTORY);
  spares.load();
  assert.equal(spares.take(), undefined);
});

test('what is written over a longer file is all that is in it, and a new file is private', () => {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-spare-'));
  try {
    const path = join(directory, 'file');
    systemFiles.write(path, 'a longer text, with an ü');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    systemFiles.write(path, 'shorter ü');
    assert.equal(readFileSync(path, 'utf8'), 'shorter ü');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
