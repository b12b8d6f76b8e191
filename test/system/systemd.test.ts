// The units below deploy/systemd, as systemd itself reads them: no key that it does not know, no
// program that is not there. And they give no more than the DaemonSet does.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CAPABILITIES } from '../../scripts/deploy/agent.ts';
import { BIRD_CAPABILITIES } from '../../scripts/deploy/bird.ts';
import { parseAgentOptions } from '../../src/cli/agent-options.ts';
import { ROOT } from '../unit/deploy/manifests.ts';

const UNITS = ['poplin.service', 'poplin-bird.service'] as const;
const read = (name: string): string => readFileSync(join(ROOT, 'deploy/systemd', name), 'utf8');

/** All that systemd says of the text of a unit. */
function verify(name: string, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-units-'));
  try {
    for (const program of ['poplin', 'poplin-bird']) {
      writeFileSync(join(directory, program), '#!/bin/sh\n', { mode: 0o755 });
    }
    const path = join(directory, name);
    writeFileSync(path, text.replaceAll('/usr/local/lib/poplin/bin', directory));
    const argv = ['systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', path];
    return execFileSync('sh', ['-c', `${argv.join(' ')} 2>&1 || true`], { encoding: 'utf8' });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

for (const name of UNITS) {
  test(`systemd takes ${name}`, () => assert.equal(verify(name, read(name)), ''));

  test(`systemd finds what is misspelled in ${name}`, () => {
    assert.match(verify(name, read(name).replace('ProtectHome', 'ProtectHoem')), /ProtectHoem/);
  });
}

test('the unit of the agent has the capabilities of the DaemonSet', () => {
  const given = /^CapabilityBoundingSet=(.*)$/m.exec(read('poplin.service'))?.[1]?.split(' ');
  assert.deepEqual(
    given,
    CAPABILITIES.map(({ name }) => `CAP_${name}`),
  );
});

test('the unit of BIRD has the capabilities of the container, and ends BIRD by its script', () => {
  const unit = read('poplin-bird.service');
  const given = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(' ');
  assert.deepEqual(
    given,
    BIRD_CAPABILITIES.map(({ name }) => `CAP_${name}`),
  );
  assert.match(unit, /^KillMode=mixed$/m);
  assert.doesNotMatch(unit, /^KillSignal=/m);
});

test('the agent understands its settings', () => {
  const words = [
    ...`${read('poplin.service')}\n${read('agent.env')}`.matchAll(
      /^(?:Environment=)?(POPLIN_\w+)=(.*)$/gm,
    ),
  ].map(([, name = '', value = '']) => [name, value.replace('%H', 'node-1')]);
  const options = parseAgentOptions([], Object.fromEntries(words));
  assert.equal(options.nodeName, 'node-1');
  assert.equal(options.etcd?.keyFile, '/etc/poplin/etcd/tls.key');
});
