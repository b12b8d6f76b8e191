// The kernel's answer to "how would a packet to this address leave?" (RTM_GETROUTE), as data that
// the pure folders may use. Made by src/kernel, kept by src/agent, read by the backends.

import type { Ip } from '../net/ip.ts';

export type RouteLookup =
  | { readonly kind: 'local' }
  | { readonly kind: 'onlink'; readonly link: string; readonly source?: Ip }
  | { readonly kind: 'gateway'; readonly link: string; readonly gateway: Ip; readonly source?: Ip }
  | { readonly kind: 'unreachable' };
