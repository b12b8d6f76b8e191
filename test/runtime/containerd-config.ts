// The releases of containerd that the tests run, where scripts/setup.sh has put their programs, and
// how each is told the same settings. Both start their containers by runc of the older suite, which
// runs on any Debian.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PAUSE_IMAGE } from './pause-image.ts';

export type Release = {
  readonly name: '1.6' | '2';
  /** Further words of `ctr images import`. */
  readonly importWords: readonly string[];
  readonly config: string;
};

const ROOT = join(import.meta.dirname, '../..');

/** Where CAP_SYS_RESOURCE is missing, as on some machines, nobody may lower what Docker has set. */
const OLD_CONFIG = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
`;

const NEW_CONFIG = `version = 3
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'native'
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = '${PAUSE_IMAGE}'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['/opt/cni/bin']
`;

export const CONTAINERD_1_6: Release = {
  name: '1.6',
  importWords: [],
  config: OLD_CONFIG,
};

export const CONTAINERD_2: Release = {
  name: '2',
  importWords: ['--local'],
  config: NEW_CONFIG,
};

const directoryOf = ({ name }: Release): string => join(ROOT, `.cache/containerd-${name}`);

/** Its programs, then the machine's. */
export const searchPathOf = (release: Release): string =>
  [
    ...[release, CONTAINERD_1_6].flatMap((each) =>
      ['usr/bin', 'usr/sbin'].map((part) => join(directoryOf(each), part)),
    ),
    ...['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  ].join(':');

export function mustBeThere(release: Release): void {
  const program = join(directoryOf(release), 'usr/bin/containerd');
  assert.ok(existsSync(program), `${program} is missing: sh scripts/setup.sh test unpacks it`);
}
