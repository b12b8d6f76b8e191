// Real network namespaces for the tests of this folder, each with a name of its own so that several
// runs on one machine do not meet. `using` takes them away again, whatever a test did.

import { execFileSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/linux.ts';
import { NetnsRegistry, openNetns } from '../../src/kernel/netns.ts';
import { silentLog } from '../../src/lib/log.ts';

export class TestNamespace implements Disposable {
  readonly name: string;
  readonly path: string;
  readonly fd: number;

  constructor(label: string) {
    this.name = `pk-${process.pid}-${label}`;
    this.path = `/run/netns/${this.name}`;
    execFileSync('ip', ['netns', 'add', this.name]);
    this.fd = openNetns(this.path).fd;
  }

  /** Runs a command line inside, as somebody else would; returns what it prints. */
  run(commandLine: string, input = ''): string {
    const words = ['netns', 'exec', this.name, ...commandLine.split(' ')];
    return execFileSync('ip', words, { encoding: 'utf8', input });
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
    execFileSync('ip', ['netns', 'del', this.name]);
  }
}

/** As the agent has it, of a namespace that is open. */
export const kernelOf = ({ fd }: TestNamespace): Kernel =>
  openKernel({
    netns: fd,
    procSysRoot: '/proc/sys/net',
    netnsRegistry: new NetnsRegistry(),
    log: silentLog,
  });
