// What every backend is: a pure description of how to receive from and send to peers. One file per
// backend; the literal list is in list.ts. A backend never reads the kernel: what it needs to know
// of this node comes in `LocalNode`, and what it wants is returned as a part of a KernelState.

import type { Advert, PathName } from '../cluster/advert.ts';
import type { ClusterNode } from '../cluster/node.ts';
import type { Reach } from '../cluster/reach.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import type {
  FdbEntry,
  Link,
  Neighbour,
  Nexthop,
  Route,
  VxlanLink,
} from '../state/kernel-state.ts';
import type { RouteLookup } from '../state/route-lookup.ts';
import type { BirdRoutes } from './bird-routes.ts';

/** The underlay of one family as this node sees it. */
export type Underlay = {
  readonly family: Family;
  readonly link: string;
  readonly address: Ip;
  /** What peers send to where that is another: it leads here by a translation on the way. */
  readonly publicAddress?: Ip;
  readonly mtuBytes: number;
};

/** What peers are told. */
export const advertisedAddress = ({ address, publicAddress }: Underlay): Ip =>
  publicAddress ?? address;

/** What only this node knows; gathered from the kernel by src/agent/local.ts. */
export type LocalNode = {
  readonly name: string;
  /** Machine identity: seed of VTEP addresses. */
  readonly machine: string;
  readonly underlays: readonly Underlay[];
  /** The kernel's route lookup for peers' underlay addresses, where a backend asked for it. */
  readonly lookups: ReadonlyMap<Ip, RouteLookup>;
  readonly hasNexthopObjects: boolean;
  /** Own VXLAN devices that are in the kernel now; what was adopted stays as it is. */
  readonly vxlanDevices?: readonly VxlanLink[];
  /** Undefined where none belongs to this node. */
  readonly bird: BirdLife | undefined;
  /** What it has learned, as it is in the kernel now. */
  readonly birdRoutes: BirdRoutes;
};

/** `isConfirmed`: it works by the configuration that it was given, and that one holds. */
export type BirdLife = { readonly isConfirmed: boolean; readonly as?: number };

/** One peer and one family, with all that a backend may use to reach it. */
export type PeerTarget = {
  readonly peer: ClusterNode;
  /** How the peer says that it can be reached; undefined when it has said nothing. */
  readonly reach: Reach | undefined;
  readonly family: Family;
  readonly subnets: readonly Cidr[];
  /** The peer's underlay address of this family; undefined when it has none. */
  readonly underlayAddress: Ip | undefined;
};

/** How one path is made: of our own objects, or by leaving the way to BIRD's routes. */
export type PathPlan = OwnPlan | BirdPlan;

/** The kernel objects that make one path, beside the routes to the peer's subnets. */
export type OwnPlan = {
  readonly nexthop: Nexthop;
  readonly neighbours: readonly Neighbour[];
  readonly fdb: readonly FdbEntry[];
};

/** No route of ours is above BIRD's then. */
export type BirdPlan = {
  /** To the first of the peer's subnets. */
  readonly birdRoute: Route;
  /** Of the others those to which it has none. */
  readonly lacking: readonly Cidr[];
  /** It is gone, and packets go by the copy of it: this is the copy. */
  readonly isCopy?: true;
};

/** Whether a peer can be reached by a backend, and if not, why, in words for `status`. */
export type PathOffer =
  | { readonly kind: 'usable'; readonly plan: PathPlan }
  | { readonly kind: 'unusable'; readonly reason: string };

export type ReceivePlan = {
  readonly links: readonly Link[];
  readonly receives: Partial<Advert['receives']>;
};

/** What a backend works by: its own settings, configured or kept from before a change. */
export type BackendContext<Settings> = {
  readonly settings: Settings;
  readonly local: LocalNode;
};

export interface Backend<Settings> {
  readonly name: PathName;
  /** What this node must hold to receive by this backend. */
  receive(context: BackendContext<Settings>): ReceivePlan;
  /** How to send to one peer. */
  offer(context: BackendContext<Settings>, target: PeerTarget): PathOffer;
}
