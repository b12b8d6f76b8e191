// The programs that deploy/check.sh runs in pods, here on addresses of the loopback: who answers,
// who is on another node than it should be, who is asked by a foreign address, and who is silent.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { V1ConfigMap } from '@kubernetes/client-node';
import { one, ROOT, readManifests } from './manifests.ts';

const program = (name: string): string => join(ROOT, 'scripts/deploy/check', name);
const OWN = '127.0.0.1';

/** A port that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  server.close();
  await once(server, 'close');
  return address.port;
}

type Question = { readonly seconds: number; readonly own?: string; readonly port: number };

function ask({ seconds, own = OWN, port }: Question, ...targets: readonly string[]) {
  const words = [String(seconds), String(port), own, ...targets];
  const { status, stdout, stderr } = spawnSync(process.execPath, [program('ask.ts'), ...words], {
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  return { exitCode: status, stdout };
}

describe('the programs of the check', () => {
  let port = 0;
  let answerer: ChildProcess;
  before(async () => {
    port = await freePort();
    const env = { ...process.env, NODE_NAME: 'node-a' };
    answerer = spawn(process.execPath, [program('answer.ts'), String(port)], { env });
    // It is asked until it listens.
    assert.equal(ask({ seconds: 60, port }, `node-a=${OWN}`).exitCode, 0);
  });
  after(async () => {
    answerer.kill('SIGTERM');
    const [code] = await once(answerer, 'exit');
    assert.equal(code, 0, 'it ends when it is told to');
  });

  test('all is well when the right node answers, and a Service whoever it is', () => {
    const found = ask({ seconds: 60, port }, `node-a=${OWN}`, `@${OWN}`, '@localhost');
    assert.deepEqual(found, { exitCode: 0, stdout: '' });
  });

  test('another node that answers is named', () => {
    const { exitCode, stdout } = ask({ seconds: 0, port }, `node-b=${OWN}`, `node-a=${OWN}`);
    assert.deepEqual([exitCode, stdout], [1, `node-b (${OWN}): node-a answers\n`]);
  });

  test('an address that was changed on the way is named', () => {
    const { exitCode, stdout } = ask({ seconds: 0, port, own: '10.244.0.9' }, `node-a=${OWN}`);
    assert.equal(exitCode, 1);
    assert.match(stdout, /^node-a \(127\.0\.0\.1\): was asked by 127\.0\.0\.1, which is not this/);
  });

  test('who does not answer is named, with the reason', async () => {
    const closed = await freePort();
    const { exitCode, stdout } = ask({ seconds: 0, port: closed }, `node-b=${OWN}`, `@${OWN}`);
    const expected = `node-b (${OWN}): ECONNREFUSED\nService ${OWN}: ECONNREFUSED\n`;
    assert.deepEqual([exitCode, stdout], [1, expected]);
  });
});

test('what is in the ConfigMap needs nothing but Node.js', () => {
  const { data = {} } = one<V1ConfigMap>(readManifests('deploy/poplin-check.yaml'), 'ConfigMap');
  assert.deepEqual(Object.keys(data), ['answer.mts', 'ask.mts']);
  for (const [name, text] of Object.entries(data)) {
    const imported = [...text.matchAll(/from '([^']+)'/g)].map(([, specifier = '']) => specifier);
    assert.ok(imported.length > 0, name);
    for (const specifier of imported) assert.match(specifier, /^node:/);
  }
});
