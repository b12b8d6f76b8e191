// BIRD, by its own script, with the capabilities that the DaemonSet gives its container and no
// others: a session with BFD comes up and its routes are in the kernel. With one of them fewer
// something is missing each time, so that none is there without need; one is for older kernels.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BIRD_CAPABILITIES } from '../../../scripts/deploy/bird.ts';
import { boundedTo, confText, Sidecar, TEST_TIMEOUT_MS, TwoNodes, until } from './real-bird.ts';

/** Needed on older kernels alone. */
const OF_OLD_KERNELS = 'NET_RAW';
const NAMES = BIRD_CAPABILITIES.map(({ name }) => name);

/** What BIRD says of each that is not there. */
const MISSING: Readonly<Record<string, RegExp>> = {
  NET_ADMIN: /Operation not permitted/,
  NET_BIND_SERVICE: /Permission denied/,
};

/** One sidecar that is launched so, and another that has all that it needs. */
async function withPair(
  launcher: readonly string[],
  body: (nodes: TwoNodes, sidecar: Sidecar) => Promise<void>,
): Promise<void> {
  using nodes = new TwoNodes();
  await using left = new Sidecar(nodes.one, launcher);
  await using right = new Sidecar(nodes.two, boundedTo(NAMES));
  for (const [sidecar, number] of [
    [left, 1],
    [right, 2],
  ] as const) {
    writeFileSync(join(sidecar.directory, 'bird.conf'), confText({ number, isDirect: true }));
    sidecar.start();
  }
  await body(nodes, left);
}

test('BIRD works with the capabilities of its container', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  await withPair(boundedTo(NAMES), async ({ one }, sidecar) => {
    await until('a route of BIRD', () => one.run('ip route').includes('10.244.2.0/24 via'));
    await until('BFD', async () => (await bfdOf(sidecar)).includes('Up'));
    assert.doesNotMatch(sidecar.log(), /not permitted|denied/);
  });
});

// It lets everybody bind a socket that is bound to no other link (c427bfec18f2).
test(`without ${OF_OLD_KERNELS} Linux before 5.7 would refuse what BIRD does`, async () => {
  await withPair(['strace', '-D', '-f', '-e', 'trace=setsockopt'], async (_, sidecar) => {
    await until('it binds a socket to a link', () => /SO_BINDTODEVICE, "eth0/.test(sidecar.log()));
  });
});

for (const name of NAMES.filter((each) => each !== OF_OLD_KERNELS)) {
  test(`something is missing without ${name}`, { timeout: TEST_TIMEOUT_MS }, async () => {
    const expected = MISSING[name] ?? assert.fail(`nothing is expected without ${name}`);
    await withPair(boundedTo(NAMES.filter((each) => each !== name)), async (_, sidecar) => {
      await until(`${expected} is said`, () => expected.test(sidecar.log()));
    });
  });
}

async function bfdOf(sidecar: Sidecar): Promise<string> {
  try {
    return sidecar.ask('show bfd sessions');
  } catch {
    return ''; // It is not there yet.
  }
}
