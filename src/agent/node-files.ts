// Writes what others on the node read: the subnet file and, last, the conflist that makes the
// container runtime start pods. Flannel's, which would come first, is set aside behind it.

import { join } from 'node:path';
import { setAsideFlannel } from '../cni/flannel-conflist.ts';
import { writeConflist } from '../cni/install.ts';
import type { Config } from '../config/config.ts';
import type { Desired } from '../desired/desired.ts';
import { renderSubnetFile, writeSubnetFile } from './subnet-file.ts';

export class NodeFiles {
  readonly #runDir: string;
  readonly #cniConfDir: string;
  #conflistWritten = false;

  constructor(directories: { readonly runDir: string; readonly cniConfDir: string }) {
    this.#runDir = directories.runDir;
    this.#cniConfDir = directories.cniConfDir;
  }

  /** Throws what the disk says. */
  async write(config: Config, wanted: Omit<Desired, 'state' | 'probes'>): Promise<void> {
    const text = renderSubnetFile(config, wanted.ownSubnets, wanted.podMtuBytes.route);
    writeSubnetFile(join(this.#runDir, 'subnet.env'), text);
    if (this.#conflistWritten) return;
    await writeConflist(this.#cniConfDir);
    setAsideFlannel(this.#cniConfDir);
    this.#conflistWritten = true;
  }
}
