// When the path in use is to be left although it is the one to come to. Pure.

import type { BackendConfig } from '../config/config.ts';
import { leavesSilent } from './path-ways.ts';
import type { Decision, PathMemory, PathOption } from './paths.ts';

/**
 * An answer comes by whatever path the peer uses. Where both ends use one that leads nowhere, no
 * probe comes back over any, until one of them leaves it. BIRD's routes may be such, since they can
 * come to be used without a probe, and so may VXLAN be where `Type` bgp begins with it.
 */
export const isStuck = (
  { type }: BackendConfig,
  [inUse, ...usable]: readonly PathOption[],
  { isHopeless }: PathMemory,
): boolean =>
  usable.length > 1 &&
  (type === 'bgp' || inUse?.name === 'bgp') &&
  usable.every(({ key }) => isHopeless(key));

export function leaveBlindly(inUse: PathOption, usable: readonly PathOption[]): Decision {
  const [next] = usable.filter((option) => option !== inUse);
  return { option: next, tested: inUse };
}

/** It is left as soon as another one answers. */
export const isToBeLeft = (
  configured: BackendConfig,
  { key, excess }: PathOption,
  memory: PathMemory,
): boolean =>
  excess !== undefined || (leavesSilent(configured) && memory.verdictOf(key) === 'silent');
