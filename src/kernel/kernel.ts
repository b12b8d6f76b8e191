// The port to one network namespace's kernel. The agent knows only this; linux.ts is the real one,
// test/fake/kernel.ts the other, and one conformance suite holds both to the same behaviour.
// `read` and everything in `apply` but the loading of nftables text, the making of veth pairs (with
// all that lies on them) and the removal of links happen synchronously, so that a caller which
// computes between them sees a consistent kernel.

import type { AppError } from '../lib/errors.ts';
import type { Ip } from '../net/ip.ts';
import type { KernelState, Link } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import type { RouteLookup } from '../state/route-lookup.ts';

/** What `read` returns beside links and addresses, which are always read whole. */
export type ReadScope = {
  /** Sysctls below /proc/sys/net to read; absent files are left out of the answer. */
  readonly sysctls: readonly string[];
  /** Routes and nexthops of this protocol, in all tables. */
  readonly routeProtocol: number;
  /** Whether BIRD's routes of the main table are read; who programs a pod has no use for them. */
  readonly birdRoutes?: boolean;
  /** Rules of this priority. */
  readonly rulePriority: number;
  /** Whether our nftables table and its sets are read. */
  readonly nft: boolean;
  /** Nothing but the links is read, for whoever first wants to know whether more is needed. */
  readonly linksOnly?: boolean;
  /** Permanent neighbours, qdiscs, and FDB entries of VXLAN devices, on links whose name passes. */
  ownsLink(name: string): boolean;
  /** A look at a part: hints go on to be told from what the last whole read saw. */
  readonly aside?: boolean;
};

export type LinkRename = { readonly from: string; readonly to: string; readonly alias: string };

export type LinkFailure = { readonly name: string; readonly error: AppError };

export type OpFailure = { readonly op: Op; readonly error: AppError };

/** Connections that the kernel remembers to lead where nothing, or something else, is now. */
export type StaleConnections =
  /** UDP to this port of the node (of all addresses, if none is given) that goes elsewhere. */
  | {
      readonly kind: 'sent-to-port';
      readonly port: number;
      readonly hostIp?: Ip | undefined;
      readonly leadsTo: Ip;
    }
  /** UDP that this address has been given, whatever address it was sent to. */
  | { readonly kind: 'answered-by'; readonly address: Ip }
  /** All from and to this address, unless it has been given away again meanwhile. */
  | { readonly kind: 'of-address'; readonly address: Ip; readonly isFree: () => boolean };

/** Somebody else changed something. `overflow`: notifications were lost, everything may differ. */
export type Hint =
  | 'link'
  | 'address'
  | 'route'
  | 'neighbour'
  | 'rule'
  | 'qdisc'
  | 'nexthop'
  /** Forwarding and rp_filter; of other sysctls the kernel tells nothing. */
  | 'sysctl'
  | 'nft'
  /** Chains or rules of another table than ours. */
  | 'foreign-nft'
  | 'overflow';

export interface Kernel {
  /** Whether the kernel has nexthop objects (5.3 and later). */
  readonly hasNexthopObjects: boolean;
  /**
   * Tells this namespace from all others since the boot, also from one that was given the inode
   * number of another that is gone. Undefined before Linux 5.14.
   */
  readonly namespaceCookie: string | undefined;
  read(scope: ReadScope): KernelState;
  /** Equal texts, of one object: what `read` would return has not changed in between. */
  fingerprint(scope: ReadScope): string;
  /**
   * Carries out the ops in the order given. A failing op does not stop the others; removing what
   * is gone and adding what is there already in the same form are successes.
   */
  apply(ops: readonly Op[]): Promise<readonly OpFailure[]>;
  /**
   * Removes links by their names; those that are not there are successes. `gone` is called for a
   * link once the namespace has neither it nor what lay on it, where somebody watches: the kernel
   * is done with it, and this settles, some 20 ms later.
   */
  removeLinks(
    names: readonly string[],
    gone: (name: string) => void,
  ): Promise<readonly LinkFailure[]>;
  /**
   * Makes links that have just got their carrier send: until the kernel's linkwatch has run, which
   * may be late on a busy machine, they drop what they are given. Absent links are passed over;
   * those that `apply` sets up need no call.
   */
  settleLinks(names: readonly string[]): Promise<void>;
  /**
   * Gives a link of another network another name, and an alias, while packets pass: all that lies
   * on it stays. Kernels before 6.2 rename only what is down: there it is, for that moment, and
   * its routes are lost. Throws AppError; the link is as it was then.
   */
  renameLink(rename: LinkRename): void;
  /**
   * From now on the link answers neighbour solicitations for exactly these addresses (with
   * proxy_ndp), whoever asked for others. Nothing where there is no such link. Throws AppError.
   */
  answerFor(link: string, addresses: ReadonlySet<Ip>): void;
  /** The index of the other end of a veth pair that was made here, in that end's namespace. */
  peerIndexOf(link: string): number | undefined;
  /** This link is known to be there, and as it is: nothing has to be asked to change it. */
  takeLink(link: Link, index: number): void;
  /**
   * How many connections were forgotten. Others get their turn meanwhile: it takes long where many
   * are tracked. Rejects with AppError; they end by themselves then, if nothing is sent any more.
   */
  forgetConnections(stale: readonly StaleConnections[]): Promise<number>;
  lookUp(destinations: readonly Ip[]): ReadonlyMap<Ip, RouteLookup>;
  /** Calls `listener` for changes that were not made through this object; returns the stop. */
  watch(listener: (hint: Hint) => void): () => void;
  close(): void;
}
