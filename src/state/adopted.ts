// A VXLAN device that was Flannel's and goes on as ours: it keeps its Ethernet address and its
// flags, so that no peer has to learn anything. Its IFALIAS says so, for people and for every later
// start of the agent, and what has to be put back if the node returns: nothing else remembers it.
// Pure.

import type { Link, VxlanLink } from './kernel-state.ts';

/** What a device was before. */
export type Adopted = { readonly from: string; readonly mtuBytes: number };

const MARK = /, adopted from (?<from>\S+) of MTU (?<mtu>\d+)$/;

export const adoptedAlias = (own: string, { from, mtuBytes }: Adopted): string =>
  `${own}, adopted from ${from} of MTU ${mtuBytes}`;

/** Undefined of a device that was made by us. */
export function adoptedFrom({ alias }: Pick<Link, 'alias'>): Adopted | undefined {
  const { from, mtu } = MARK.exec(alias)?.groups ?? {};
  return from === undefined ? undefined : { from, mtuBytes: Number(mtu) };
}

/** What an adopted device keeps, as long as the configuration lets it be the same device. */
export function keepAdopted(wanted: VxlanLink, present: readonly VxlanLink[]): VxlanLink {
  const device = present.find(({ name }) => name === wanted.name);
  const adopted = device === undefined ? undefined : adoptedFrom(device);
  if (device === undefined || adopted === undefined) return wanted;
  if (device.portNumber !== wanted.portNumber || device.gbp !== wanted.gbp) return wanted;
  const { mac, udpChecksum } = device;
  return { ...wanted, mac, udpChecksum, alias: adoptedAlias(wanted.alias, adopted) };
}
