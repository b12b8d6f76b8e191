// A kernel that hands everything on to another, for tests that watch or change some of it: spread
// it, and write over what is to be different. A spread of the real one would lose its methods.

import type { Kernel } from '../../src/kernel/kernel.ts';

export const passedOn = (kernel: Kernel): Kernel => ({
  hasNexthopObjects: kernel.hasNexthopObjects,
  namespaceCookie: kernel.namespaceCookie,
  read: (scope) => kernel.read(scope),
  fingerprint: (scope) => kernel.fingerprint(scope),
  apply: (ops) => kernel.apply(ops),
  removeLinks: (names, gone) => kernel.removeLinks(names, gone),
  settleLinks: (names) => kernel.settleLinks(names),
  forgetConnections: (stale) => kernel.forgetConnections(stale),
  renameLink: (rename) => kernel.renameLink(rename),
  answerFor: (link, addresses) => kernel.answerFor(link, addresses),
  peerIndexOf: (link) => kernel.peerIndexOf(link),
  takeLink: (link, index) => kernel.takeLink(link, index),
  lookUp: (destinations) => kernel.lookUp(destinations),
  watch: (listener) => kernel.watch(listener),
  close: () => kernel.close(),
});
