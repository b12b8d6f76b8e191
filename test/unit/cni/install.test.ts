// What is written where a container runtime looks, and that it is never there by halves.

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CONFLIST_NAME, renderConflist } from '../../../src/cni/conflist.ts';
import {
  DEFAULT_CNI_PATHS,
  installCni,
  removeCni,
  removeConflist,
  writeConflist,
} from '../../../src/cni/install.ts';
import { AppError } from '../../../src/lib/errors.ts';

let directory: string;
let binDir: string;
let executable: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'poplin-install-'));
  binDir = join(directory, 'opt/cni/bin');
  executable = join(directory, 'built');
  writeFileSync(executable, 'the executable', { mode: 0o600 });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe('the installation', () => {
  test('puts the executable alone when all paths are the default', async () => {
    await installCni({ executable, binDir, paths: DEFAULT_CNI_PATHS });
    assert.deepEqual(readdirSync(binDir), ['poplin']);
    assert.equal(modeOf(join(binDir, 'poplin')), 0o755);
  });

  test('writes other paths beside it, and removes them for the default', async () => {
    const paths = { socketPath: '/x/cni.sock', tombstoneDirectory: '/x/tombstones' };
    await installCni({ executable, binDir, paths });
    const file = join(binDir, 'poplin.paths');
    assert.equal(readFileSync(file, 'utf8'), '/x/cni.sock\n/x/tombstones\n');
    await installCni({ executable, binDir, paths: { ...paths, addWaitMs: 70 } });
    assert.equal(readFileSync(file, 'utf8'), '/x/cni.sock\n/x/tombstones\n70\n');
    await installCni({ executable, binDir, paths: DEFAULT_CNI_PATHS });
    assert.deepEqual(readdirSync(binDir), ['poplin']);
  });

  test('replaces a running executable by another file, never in place', async () => {
    await installCni({ executable, binDir, paths: DEFAULT_CNI_PATHS });
    const before = statSync(join(binDir, 'poplin')).ino;
    await installCni({ executable, binDir, paths: DEFAULT_CNI_PATHS });
    assert.notEqual(statSync(join(binDir, 'poplin')).ino, before);
  });

  test('names the executable that is missing', async () => {
    const missing = join(directory, 'missing');
    await assert.rejects(
      installCni({ executable: missing, binDir, paths: DEFAULT_CNI_PATHS }),
      (error) => error instanceof AppError && error.message.includes(missing),
    );
    assert.deepEqual(readdirSync(binDir), []);
  });

  test('writes the conflist, readable by all, and removes what it wrote', async () => {
    const confDir = join(directory, 'etc/cni/net.d');
    await writeConflist(confDir);
    await installCni({ executable, binDir, paths: DEFAULT_CNI_PATHS });
    assert.deepEqual(readdirSync(confDir), [CONFLIST_NAME]);
    assert.equal(modeOf(join(confDir, CONFLIST_NAME)), 0o644);
    await removeConflist(confDir);
    await removeConflist(confDir);
    await removeCni(binDir);
    assert.deepEqual(readdirSync(confDir), []);
    assert.equal(existsSync(join(binDir, 'poplin')), false);
  });
});

test('the conflist is the template of the repository, and JSON as runtimes want it', () => {
  const template = new URL(`../../../cni/${CONFLIST_NAME}`, import.meta.url);
  assert.equal(renderConflist(), readFileSync(template, 'utf8'));
  assert.deepEqual(JSON.parse(renderConflist()), {
    cniVersion: '1.0.0',
    cniVersions: ['0.3.1', '0.4.0', '1.0.0', '1.1.0'],
    name: 'poplin',
    plugins: [
      {
        type: 'poplin',
        capabilities: { bandwidth: true, dns: true, ips: true, mac: true, portMappings: true },
      },
    ],
  });
});

test('the executable has the same default paths', () => {
  const source = readFileSync(new URL('../../../cni/poplin.c', import.meta.url), 'utf8');
  for (const path of Object.values(DEFAULT_CNI_PATHS)) assert.ok(source.includes(`"${path}"`));
});
