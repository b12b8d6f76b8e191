// The image of the pods that these tests start: busybox, which answers over HTTP with the name of
// its pod. Made here, so that no registry is asked for anything.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildImage } from '../runtime/pause-image.ts';
import { ROOT } from '../unit/deploy/manifests.ts';

export const TEST_IMAGE = 'localhost/poplin-test:1';

/** Of the image of BIRD, which is built before these tests. */
const BUSYBOX = join(ROOT, '.cache/image/rootfs/poplin-bird-amd64/bin/busybox');
const APPLETS = ['sh', 'httpd', 'hostname'];

/** Writes the archive into `directory`; its path. */
export function buildTestImage(directory: string): string {
  const contents = join(directory, 'test-contents');
  for (const folder of ['bin', 'www', 'tmp'])
    mkdirSync(join(contents, folder), { recursive: true });
  cpSync(BUSYBOX, join(contents, 'bin/busybox'), { dereference: true });
  for (const applet of APPLETS) symlinkSync('busybox', join(contents, 'bin', applet));
  const layer = join(directory, 'test-layer.tar');
  execFileSync('tar', ['-cf', layer, '-C', contents, '.']);
  return buildImage(directory, { name: TEST_IMAGE, layer, entrypoint: ['/bin/sh'] });
}
