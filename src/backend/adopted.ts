// A VXLAN device that was Flannel's and goes on as ours: it keeps its Ethernet address and its flags,
// so that no peer has to learn anything. Its IFALIAS says so, for people and for every later start
// of the agent: nothing else remembers it. Pure.

import type { VxlanLink } from '../state/kernel-state.ts';

const MARK = ', adopted from ';

export const adoptedAlias = (own: string, from: string): string => `${own}${MARK}${from}`;

/** The name that the device had; undefined of one that was made by us. */
export function adoptedFrom(alias: string): string | undefined {
  const at = alias.indexOf(MARK);
  return at < 0 ? undefined : alias.slice(at + MARK.length);
}

/** What an adopted device keeps, as long as the configuration lets it be the same device. */
export function keepAdopted(wanted: VxlanLink, present: readonly VxlanLink[]): VxlanLink {
  const device = present.find(({ name }) => name === wanted.name);
  const from = device === undefined ? undefined : adoptedFrom(device.alias);
  if (device === undefined || from === undefined) return wanted;
  if (device.portNumber !== wanted.portNumber || device.gbp !== wanted.gbp) return wanted;
  const { mac, udpChecksum } = device;
  return { ...wanted, mac, udpChecksum, alias: adoptedAlias(wanted.alias, from) };
}
