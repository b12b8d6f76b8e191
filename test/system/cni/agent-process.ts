// The agent's CNI side as a process of its own, so that it can be killed. Arguments: the place as
// JSON, and the number of the effect (file change or kernel call) before which it kills itself; 0
// for never. It prints `ready`, and at its end how many effects there were.

import type { StoreFiles } from '../../../src/cni/store-files.ts';
import { systemFiles } from '../../../src/cni/store-files.ts';
import type { Kernel } from '../../../src/kernel/kernel.ts';
import type { AgentPlace } from './agent.ts';
import { startAgent } from './agent.ts';

const [placeText = '{}', dieAtText = '0'] = process.argv.slice(2);
const dieAt = Number(dieAtText);
let effects = 0;
let isArmed = false;

function effect(): void {
  if (!isArmed) return;
  effects += 1;
  if (effects === dieAt) process.kill(process.pid, 'SIGKILL');
}

const files: StoreFiles = {
  ...systemFiles,
  write: (path, text) => {
    effect();
    systemFiles.write(path, text);
  },
  append: (path, text) => {
    effect();
    systemFiles.append(path, text);
  },
  rename: (from, to) => {
    effect();
    systemFiles.rename(from, to);
  },
  remove: (path) => {
    effect();
    systemFiles.remove(path);
  },
};

/** Dies before the kernel is asked, or after it has done all of it. */
const wrapKernel = (kernel: Kernel): Kernel => ({
  hasNexthopObjects: kernel.hasNexthopObjects,
  namespaceCookie: kernel.namespaceCookie,
  read: (scope) => kernel.read(scope),
  fingerprint: (scope) => kernel.fingerprint(scope),
  apply: async (ops) => {
    effect();
    const failures = await kernel.apply(ops);
    effect();
    return failures;
  },
  settleLinks: (names) => kernel.settleLinks(names),
  forgetConnections: (stale) => kernel.forgetConnections(stale),
  peerIndexOf: (link) => kernel.peerIndexOf(link),
  takeLink: (link, index) => kernel.takeLink(link, index),
  lookUp: (destinations) => kernel.lookUp(destinations),
  watch: (listener) => kernel.watch(listener),
  close: () => kernel.close(),
});

const agent = await startAgent(JSON.parse(placeText) as AgentPlace, { files, wrapKernel });
isArmed = true;
process.once('SIGTERM', () => {
  agent.stop().then(() => process.stdout.write(`${effects} effects\n`));
});
process.stdout.write('ready\n');
