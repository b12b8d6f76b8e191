// The releases of containerd that the tests run, where their programs are, and how each is told the
// same settings. Both start their containers by runc of the older suite, which runs on any Debian.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { PAUSE_IMAGE } from './pause-image.ts';

export type Release = {
  readonly name: '1.6' | '2';
  readonly suite: string;
  /** Further words of `ctr images import`. */
  readonly importWords: readonly string[];
  readonly config: string;
};

const ROOT = join(import.meta.dirname, '../..');
const PACKAGES_SCRIPT = join(ROOT, 'scripts/debian-packages.sh');

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
  suite: 'bookworm',
  importWords: [],
  config: OLD_CONFIG,
};

export const CONTAINERD_2: Release = {
  name: '2',
  suite: 'sid',
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

/** Costs nothing when they are there already. */
export function fetchRelease(release: Release): void {
  const fetch = (each: Release, ...packages: readonly string[]): void => {
    execFileSync('sh', [PACKAGES_SCRIPT, each.suite, directoryOf(each), ...packages]);
  };
  fetch(CONTAINERD_1_6, 'containerd', 'runc');
  if (release !== CONTAINERD_1_6) fetch(release, 'containerd');
}
