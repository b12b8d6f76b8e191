// Passwords as files: those of mounted Secrets, changes, and names that would lead elsewhere.
// A password must also not come back in what BIRD says of its configuration.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BirdPasswords, readPasswords } from '../../../src/agent/bird-passwords.ts';
import { birdText, hashIn, keyIn, withoutPasswords } from '../../../src/agent/bird-text.ts';
import { KEY } from '../../fake/bird-key.ts';

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

test('a mounted Secret that changes, by another link, is news', () => {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-passwords-'));
  try {
    const secret = join(directory, 'tors');
    for (const [version, text] of Object.entries({ '..1': 'first', '..2': 'second' })) {
      mkdirSync(join(secret, version), { recursive: true });
      writeFileSync(join(secret, version, 'rack-1'), text);
    }
    symlinkSync('..1', join(secret, '..data'));
    symlinkSync('..data/rack-1', join(secret, 'rack-1'));
    const passwords = new BirdPasswords((names) => readPasswords(directory, names));
    const names = [{ secret: 'tors', key: 'rack-1' }];
    assert.equal(passwords.hasNews(), false);
    assert.deepEqual([...passwords.look(names).used], [['tors/rack-1', 'first']]);
    assert.equal(passwords.hasNews(), false);
    symlinkSync('..2', join(secret, '..new'));
    renameSync(join(secret, '..new'), join(secret, '..data'));
    assert.equal(passwords.hasNews(), true);
    assert.deepEqual([...passwords.look(names).used], [['tors/rack-1', 'second']]);
    assert.equal(passwords.hasNews(), false);
    rmSync(secret, { recursive: true });
    assert.equal(passwords.hasNews(), true);
    assert.deepEqual([...passwords.look(names).used], [['tors/rack-1', 'second']]);
    assert.deepEqual([...passwords.look([]).used], []);
    assert.deepEqual([...passwords.look(names).used], [], 'nobody needed it any more');
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
  const { text, hash } = birdText('router id 10.9.0.1;', KEY);
  assert.equal(hashIn(text), hash);
  assert.equal(hashIn('router id 10.9.0.1;\n'), undefined);
  assert.notEqual(birdText('router id 10.9.0.2;', KEY).hash, hash);
  assert.equal(keyIn(text), KEY);
});

test('who does not know the key cannot try passwords by the name of a text', () => {
  const text = 'protocol bgp a { password "hunter2"; }\n';
  assert.notEqual(birdText(text, KEY).hash, birdText(text, `${KEY}00`).hash);
  assert.ok(
    !withoutPasswords(`line 9: ${birdText(text, KEY).text}`, birdText(text, KEY).text).includes(
      KEY,
    ),
  );
});
