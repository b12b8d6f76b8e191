// The names of BIRD's protocols. They are quoted symbols: letters, digits and `_-.:`, at most 64 of
// them. A name that a node or peer has and BIRD could not take is replaced where it must be, with a
// part of its hash, so that no two become one. They begin with what filters match on.

import { hash } from 'node:crypto';
import type { Family } from '../net/family.ts';

const LENGTH_MAX = 64;
const HASH_LENGTH = 8;

export const NODE_PREFIX = { ipv4: 'node4_', ipv6: 'node6_' } as const satisfies Record<
  Family,
  string
>;
export const PEER_PREFIX = { ipv4: 'peer4_', ipv6: 'peer6_' } as const satisfies Record<
  Family,
  string
>;

export function protocolName(prefix: string, name: string): string {
  const safe = name.replaceAll(/[^\w.:-]/g, '_');
  const whole = prefix + safe;
  if (safe === name && name !== '' && whole.length <= LENGTH_MAX) return whole;
  const mark = hash('sha256', name).slice(0, HASH_LENGTH);
  return `${whole.slice(0, LENGTH_MAX - HASH_LENGTH - 1)}-${mark}`;
}
