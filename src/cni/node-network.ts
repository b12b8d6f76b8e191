// What a CNI call needs to know of its node: the agent answers with one of these at each call. The
// CNI side never reads the cluster or the configuration itself.

import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';

export type WhenFull =
  /** A further subnet is about to come: who needs an address waits for it. */
  | { readonly kind: 'grows' }
  /** `reason` says what would help. */
  | { readonly kind: 'stays'; readonly reason: string };

export type NodeNetwork = {
  /** The node's own subnets that new pods take addresses from, in the order of the families. */
  readonly subnets: readonly Cidr[];
  /** Preferred sources of the host's routes to pods: the subnet address of each family. */
  readonly sources: readonly Ip[];
  /** What becomes of it when no address of these is free. */
  readonly whenFull: WhenFull;
  readonly linkMtuBytes: number;
  readonly routeMtuBytes: number;
};

export type NodeReadiness =
  | { readonly kind: 'ready'; readonly network: NodeNetwork }
  /** `reason` is shown to users in CNI errors and by STATUS. */
  | { readonly kind: 'not-ready'; readonly reason: string }
  /** Pods could be started, but would reach less than they should (CNI code 51). */
  | { readonly kind: 'degraded'; readonly network: NodeNetwork; readonly reason: string };
