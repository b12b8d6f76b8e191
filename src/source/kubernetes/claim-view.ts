// What a node knows when it decides about its subnets, and what it may do next: the types between
// the loop that acts (subnet-claims.ts) and the functions that decide (assess.ts). Nothing here
// reads a clock, draws a number or asks the server, so that every decision can be replayed.

import type { Holding, SubnetAuthority, SubnetWish } from '../../cluster/holding.ts';
import type { Cidr } from '../../net/cidr.ts';
import type { Family } from '../../net/family.ts';
import type { LeaseTable } from './lease-table.ts';
import type { SubnetRules, SubnetSourceRecord } from './subnet-source-record.ts';

export type OwnNode = {
  readonly uid: string;
  readonly podCidrs: readonly Cidr[];
  /** What is wrong with the Node's podCIDRs, in words. */
  readonly problems: readonly string[];
};

export type NodesView = {
  readonly isListed: boolean;
  /** `undefined`: the own Node does not exist. */
  readonly own: OwnNode | undefined;
  /** A Node that has a podCIDR, if any has. */
  readonly podCidrNode: string | undefined;
  /** podCIDRs that Flannel's nodes use, whatever our nodes do. */
  readonly flannelSubnets: readonly Cidr[];
  /** Another node whose podCIDRs overlap this one. */
  podCidrUser(subnet: Cidr): string | undefined;
};

export type RecordView =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none' }
  | { readonly kind: 'is'; readonly record: SubnetSourceRecord };

/** What a node remembers of its own doing, beside what it sees. */
export type ClaimMemory = {
  /** The last word to the agent. */
  readonly told: Holding | undefined;
  /** What it last told that it holds by Leases, IPv4 first. */
  readonly lastHeld: readonly Cidr[];
  /** Leases that were created since the last time that everything was held. */
  readonly fresh: ReadonlySet<Cidr>;
  /** Subnets for which the record was read again after they were claimed or allocated. */
  readonly verified: ReadonlySet<Cidr>;
  /** What the server refused since somebody has it, with who, as far as that is known. */
  readonly refused: ReadonlyMap<Cidr, string>;
  /** A claim that was sent without an answer: it is asked for before any other. */
  readonly pending: ReadonlyMap<Family, Cidr>;
  /** How the last subnet was lost, until there is another. */
  readonly loss: string | undefined;
  /** Further subnets that have lost their Leases, and that nobody else has. */
  readonly lostFurther: readonly Cidr[];
  /** Why the last request failed. */
  readonly problem: string | undefined;
};

export type ClaimView = {
  readonly nodeName: string;
  readonly wish: SubnetWish;
  readonly nodes: NodesView;
  readonly record: RecordView;
  readonly leases: LeaseTable;
  readonly memory: ClaimMemory;
  /** Why the lists have not come, while they have not. */
  readonly contactProblem: string | undefined;
  /** How long the cluster may still get a podCIDR before `auto` means Leases. */
  readonly graceLeftMs: number;
  /** How long whoever asked for a change of the record may still finish it. */
  readonly changeLeftMs: number;
};

export type Step =
  /** Nothing, until something changes or so much time has passed. */
  | { readonly kind: 'rest'; readonly againAfterMs?: number }
  | { readonly kind: 'decide'; readonly rules: SubnetRules; readonly reason: string }
  | { readonly kind: 'ask-change'; readonly rules: SubnetRules }
  | { readonly kind: 'settle-change' }
  /** `isNamed`: this very subnet is wanted, so that it matters who has it. */
  | {
      readonly kind: 'claim';
      readonly subnet: Cidr;
      readonly isNamed: boolean;
      /** Beside one of the family that the node has. */
      readonly isFurther: boolean;
    }
  /** The Lease is this machine's, but its owner is an earlier Node object. */
  | { readonly kind: 'adopt'; readonly subnet: Cidr }
  | { readonly kind: 'give-back'; readonly subnet: Cidr; readonly uid: string }
  /** Reads the record again. */
  | { readonly kind: 'verify'; readonly subnets: readonly Cidr[] };

export type Assessment = {
  readonly holding: Holding;
  readonly step: Step;
  /** A subnet was found to be lost, in words that are remembered. */
  readonly loss?: string;
  /** The same of further subnets that are to be claimed again; absent: as before. */
  readonly lostFurther?: readonly Cidr[];
  /** What the configuration asks for and does not get, in words for the operator. */
  readonly refusal?: string;
};

export const REST: Step = { kind: 'rest' };

export const noneBecause = (
  reason: string,
  { authority, explanation = 'not decided yet' }: Partial<Why> = {},
): Holding => ({ kind: 'none', authority, explanation, reason });

export type Why = { readonly authority: SubnetAuthority; readonly explanation: string };

export const heldSubnets = (told: Holding | undefined): readonly Cidr[] =>
  told?.kind === 'held' ? told.subnets : [];

export const noNodeText = (nodeName: string): string => `there is no Node named ${nodeName}`;
