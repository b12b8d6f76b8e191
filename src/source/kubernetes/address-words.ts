// What a user says of a node's addresses by Flannel's annotations: which address of the machine is
// to be used, and which one peers are to be told. What is malformed becomes a problem in words, in
// the same words as where Flannel's own annotations are read. Pure.

import type { AddressWords } from '../../cluster/node.ts';
import { FAMILIES } from '../../net/family.ts';
import type { Ip } from '../../net/ip.ts';
import { familyOf, parseIp } from '../../net/ip.ts';
import { FLANNEL_FAMILY, FLANNEL_PREFIX } from './annotations.ts';
import type { Annotations } from './flannel-annotations.ts';
import { notOfFamily } from './flannel-annotations.ts';

export type AddressWordsParse = {
  /** Absent when nothing is said. */
  readonly addressWords?: AddressWords;
  readonly problems: readonly string[];
};

export function parseAddressWords(
  annotations: Annotations,
  prefix = FLANNEL_PREFIX,
): AddressWordsParse {
  const problems: string[] = [];
  const read = (kind: 'nodePublicIp' | 'overwrite'): Ip[] =>
    FAMILIES.flatMap((family) => {
      const name = `${prefix}/${FLANNEL_FAMILY[family][kind]}`;
      const text = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
      if (text === undefined || text === '') return [];
      const ip = parseIp(text);
      if (ip !== undefined && familyOf(ip) === family) return [ip];
      problems.push(notOfFamily(name, text, family));
      return [];
    });
  const addressWords = { publicIps: read('nodePublicIp'), overwrites: read('overwrite') };
  const isSaid = addressWords.publicIps.length + addressWords.overwrites.length > 0;
  return { ...(isSaid ? { addressWords } : {}), problems };
}
