// Passwords as files: those of mounted Secrets, changes, and names that would lead elsewhere.
// A password must also not come back in what BIRD says of its configuration.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readPasswords } from '../../../src/agent/bird-passwords.ts';
import { birdText, hashIn, withoutPasswords } from '../../../src/agent/bird-text.ts';

test('passwords are read anew each time, without a line break at the end', () => {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-passwords-'));
  try {
    mkdirSync(join(directory, 'tors'));
    const path = join(directory, 'tors', 'rack-1');
    writeFileSync(path, 'first\n');
    const names = [
      { secret: 'tors', key: 'rack-1' },
      { secret: 'tors', key: 'absent' },
      { secret: '..', key: 'rack-1' },
      { secret: 'tors', key: '../tors/rack-1' },
    ];
    assert.deepEqual([...readPasswords(directory, names)], [['tors/rack-1', 'first']]);
    writeFileSync(path, 'second');
    assert.deepEqual([...readPasswords(directory, names)], [['tors/rack-1', 'second']]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('what BIRD says is cleared of every password in its configuration', () => {
  const text = 'protocol bgp a { password "hunter2"; }\nprotocol bgp b { password "s3cret"; }\n';
  const words = 'bird.conf:1:2 bad "hunter2" near s3cret';
  assert.equal(withoutPasswords(words, text), 'bird.conf:1:2 bad "…" near …');
});

test('a text names itself, and one that somebody else has written does not', () => {
  const { text, hash } = birdText('router id 10.9.0.1;');
  assert.equal(hashIn(text), hash);
  assert.equal(hashIn('router id 10.9.0.1;\n'), undefined);
  assert.notEqual(birdText('router id 10.9.0.2;').hash, hash);
});
