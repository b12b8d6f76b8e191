// The right to subnets as the node itself has it: what it asks the datastore for, and what it was
// given. A node uses a subnet only while it holds it; that is the fence which keeps two nodes from
// using the same one. Peers' subnets are not here but in the cluster. Who claims is in src/source,
// who obeys is in src/agent.

import type { Config } from '../config/config.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';

/** What gives the right: `Node.spec.podCIDRs`, Lease objects, or keys in etcd. */
export type SubnetAuthority = 'podCIDR' | 'lease' | 'etcd';

/** What a node asks for. Two wishes of equal content ask for the same. */
export type SubnetWish = {
  readonly config: Config;
  /** Tells two machines of one node name apart: the second gets nothing while the first lives. */
  readonly machine: string;
  /** Held before, as far as the node remembers, IPv4 first: claimed again before any other. */
  readonly previous: readonly Cidr[];
  /** Of subnets beside the first one of each family; absent: whatever is held stays. */
  readonly further?: FurtherWish;
};

/** What a node needs beside the first subnet of each family, which it always keeps. */
export type FurtherWish = {
  /** So many of a family are to be there, the first one among them; of others, what is held. */
  readonly counts: Partial<Readonly<Record<Family, number>>>;
  /** Further ones that have no pod and are out of the kernel: these are given back. */
  readonly spare: readonly Cidr[];
};

/** When a right ends that nobody renews any more; the margin is taken off already. */
export type HoldingEnd = {
  /** Of CLOCK_BOOTTIME, which goes on while the machine sleeps. */
  readonly boottimeMs: number;
  /** The same moment of the wall clock, in milliseconds since 1970: for after a reboot. */
  readonly wallClockMs: number;
};

/** The reason of a claim that is under way, from the first look on, and goes well: no alarm. */
export const BEING_CLAIMED = 'a subnet is being claimed';

export type Holding =
  | {
      readonly kind: 'held';
      readonly authority: SubnetAuthority;
      /** Why it is this authority, for `status`. */
      readonly explanation: string;
      /** IPv4 first, within a family the first one first; at least one. */
      readonly subnets: readonly Cidr[];
      /** Why there is none of a family that was wished for as well; absent: nothing lacks. */
      readonly lacks?: string;
      /** Why a further subnet that was wished for is not to be had. */
      readonly noFurther?: string;
      /** Absent: until the datastore says otherwise. */
      readonly end?: HoldingEnd;
    }
  | {
      readonly kind: 'none';
      /** `undefined` while it is not decided. */
      readonly authority: SubnetAuthority | undefined;
      readonly explanation: string;
      /** What the node waits for or why it lost what it had, in words for `status` and Events. */
      readonly reason: string;
    };
