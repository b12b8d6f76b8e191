// What is built for arm64, started by an emulator: each program of the images once.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { ROOT } from '../unit/deploy/manifests.ts';

const IMAGES = join(ROOT, '.cache/image/rootfs');
const EMULATOR = join(ROOT, '.cache/qemu/usr/bin/qemu-aarch64-static');
const EMULATED_TIMEOUT_MS = 300_000;
/** Building takes minutes, of which most are other programs'. */
const BUILD_TIMEOUT_MS = 1_800_000;

before(
  () => {
    execFileSync('sh', [join(ROOT, 'scripts/image.sh'), 'arm64'], { stdio: 'inherit' });
  },
  { timeout: BUILD_TIMEOUT_MS },
);

/** What a program of an image for arm64 says; paths are of the image. */
function emulate(image: string, program: string, words: readonly string[]): string {
  assert.ok(existsSync(EMULATOR), 'scripts/test-long.sh has not found an emulator');
  const root = join(IMAGES, image);
  const { stdout, stderr } = spawnSync(EMULATOR, ['-L', root, join(root, program), ...words], {
    ...{ cwd: root, encoding: 'utf8', timeout: EMULATED_TIMEOUT_MS },
  });
  return stdout + stderr;
}

const emulated: readonly (readonly [image: string, argv: readonly string[], says: RegExp])[] = [
  ['poplin-arm64', ['usr/bin/node', 'poplin/bin/poplin', 'version'], /^poplin \d+\.\d+\.\d+\n$/],
  // It runs, and the emulator has no netlink of that kind.
  ['poplin-arm64', ['usr/sbin/nft', '--version'], /Unable to initialize Netlink socket|^nftables/],
  ['poplin-bird-arm64', ['usr/sbin/bird', '--version'], /^BIRD version/],
  ['poplin-bird-arm64', ['bin/busybox', 'echo', 'it runs'], /^it runs\n$/],
];
for (const [image, [program = '', ...words], says] of emulated) {
  test(`${image}: ${program} ${words.join(' ')}`, { timeout: EMULATED_TIMEOUT_MS }, () => {
    assert.match(emulate(image, program, words), says);
  });
}

test('arm64: koffi loads its library', { timeout: EMULATED_TIMEOUT_MS }, () => {
  const script = "console.log(require('./poplin/node_modules/koffi').sizeof('long'))";
  assert.equal(emulate('poplin-arm64', 'usr/bin/node', ['-e', script]), '8\n');
});
