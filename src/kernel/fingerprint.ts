// A short text for all that `read` would return: equal texts mean that nothing has changed. That
// takes a third of the time and no memory, since the thousands of objects that lead to peers are
// mixed into a digest as the kernel tells them. Texts of two kernels are not to be compared.

import { Digest } from '../netlink/digest.ts';
import type { ReadScope } from './kernel.ts';
import { readState } from './read.ts';
import type { Session } from './session.ts';

export function fingerprintOf(session: Session, scope: ReadScope): string {
  const digest = new Digest();
  const { links, addresses, rules, qdiscs, sysctls, nftTable, nftSets } = readState(
    { session, digest },
    scope,
  );
  // What there are few of was decoded: the kernel counts traffic and ages in these messages.
  for (const map of [links, addresses, rules, qdiscs, sysctls])
    digest.addText(JSON.stringify([...map]));
  digest.addText(JSON.stringify([nftTable?.hash ?? '', ...nftSets.keys()]));
  return digest.text;
}
