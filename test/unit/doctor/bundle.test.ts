// What leaves the node in the doctor's archive: no secret, whatever form it stands in, and all that
// is none; in an archive that other programs read.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { birdText } from '../../../src/agent/bird-text.ts';
import { redact } from '../../../src/doctor/bundle/redact.ts';
import { renderTar } from '../../../src/doctor/bundle/tar.ts';
import { placesOf } from '../../../src/doctor/gather/places.ts';
import { readSecrets } from '../../../src/doctor/gather/secrets.ts';
import { KEY } from '../../fake/bird-key.ts';

const SECRET = 'h7Kq-Zt_42.long';
const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAbC\n-----END RSA PRIVATE KEY-----';

describe('redact', () => {
  const forms: readonly (readonly [string, string])[] = [
    ['in words', `the token ${SECRET} was refused`],
    ['in base64', `data: ${Buffer.from(SECRET).toString('base64')}`],
    ['in base64 without padding', Buffer.from(SECRET).toString('base64').replace(/=+$/, '')],
    ['in a URL', `GET https://x.example/?q=${SECRET}`],
    ['in JSON inside of JSON', JSON.stringify({ text: JSON.stringify({ a: SECRET }) })],
  ];
  for (const [title, text] of forms) {
    test(`takes out a known secret ${title}`, () => {
      const left = redact(text, [SECRET]);
      assert.ok(!left.includes(SECRET), left);
      assert.ok(!left.includes(Buffer.from(SECRET).toString('base64').replace(/=+$/, '')), left);
    });
  }

  const shapes: readonly (readonly [string, string])[] = [
    ['a bearer token', 'authorization: Bearer zzz111zzz'],
    ['a JSON web token', 'x eyJhbGciOiJSUzI1NiJ9.zzz111zzz.zzz111zzz y'],
    ['a private key', PEM.replace('MIIEow', 'zzz111zzz')],
    ['a key cut off', '-----BEGIN PRIVATE KEY-----\nzzz111zzz\n'],
    ['a password of BIRD', 'password "zzz111zzz";'],
    ['a value of JSON', '{"etcdPassword": "zzz111zzz", "port": 2379}'],
    ['a value of JSON in JSON', JSON.stringify({ a: '{"token":"zzz111zzz"}' })],
    ['a value of YAML', '    client-key-data: zzz111zzz\n'],
    ['a flag', '--token=zzz111zzz --port 1'],
    ['a user of a URL', 'https://admin:zzz111zzz@etcd.example:2379/'],
  ];
  for (const [title, text] of shapes) {
    test(`takes out ${title} that nobody knew of`, () => {
      assert.ok(!redact(text, []).includes('zzz111zzz'), redact(text, []));
    });
  }

  const harmless: readonly string[] = [
    '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "Port": 8472}}',
    '{"passwordFile": "/etc/poplin/etcd-password", "secretName": "bgp"}',
    'poplin_reconcile_passes_total 7',
    '{"linkIndex":3,"address":"192.168.1.11","lengthBits":24}',
    'the keys of the map are words',
    'net.ipv4.ip_forward = 1',
  ];
  for (const text of harmless) {
    test(`leaves ${text}`, () => assert.equal(redact(text, [SECRET, 'x', '']), text));
  }

  test('JSON stays JSON', () => {
    const text = JSON.stringify({ token: 'a"b\\c', list: [1], inner: { password: 'x y' } });
    const left = JSON.parse(redact(text, []));
    assert.deepEqual(left, { token: '[removed]', list: [1], inner: { password: '[removed]' } });
  });
});

describe('the key that texts of bird.conf are named by', () => {
  const { text, hash } = birdText('protocol bgp a {\n  password "zzz111zzz";\n}\n', KEY);

  test('goes with the passwords, and the name stays', () => {
    const left = redact(text, []);
    assert.doesNotMatch(left, new RegExp(`${KEY}|zzz111zzz`));
    assert.match(left, /define POPLIN_KEY = "\[removed\]";/);
    assert.ok(left.includes(`define POPLIN_CONFIG = "${hash}";`), 'as in status');
  });

  test('is a secret of this node wherever else it stands', () => {
    const birdDir = mkdtempSync(join(tmpdir(), 'poplin-bundle-'));
    try {
      writeFileSync(join(birdDir, 'candidate.conf'), text);
      const places = placesOf(birdDir, { POPLIN_BIRD_DIR: birdDir });
      const left = redact(JSON.stringify({ said: text, also: KEY }), readSecrets(places));
      assert.doesNotMatch(left, new RegExp(`${KEY}|zzz111zzz`));
    } finally {
      rmSync(birdDir, { recursive: true });
    }
  });
});

test('tar reads the archive', () => {
  const files = [
    { name: 'poplin/a.txt', text: 'one\n' },
    { name: 'poplin/kernel/empty', text: '' },
    { name: 'poplin/b.json', text: 'ä'.repeat(1000) },
  ];
  const archive = renderTar(files, new Date(0));
  const list = execFileSync('tar', ['tf', '-'], { input: archive, encoding: 'utf8' });
  assert.deepEqual(
    list.trim().split('\n'),
    files.map(({ name }) => name),
  );
  for (const { name, text } of files) {
    const argv = ['xOf', '-', name];
    assert.equal(execFileSync('tar', argv, { input: archive, encoding: 'utf8' }), text);
  }
});
