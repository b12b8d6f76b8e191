// The port to whatever stores the cluster: Kubernetes or etcd. A source lists, watches, retries and
// resumes by itself; the agent only sees events, which may repeat. Writing is limited to the node's
// own subnets, its own advert, summary and conditions, and words for the operator. One conformance
// suite (test/conformance/source*.ts) says what every source must do.

import type { Advert, FlannelPath } from '../cluster/advert.ts';
import type { ClusterEvent } from '../cluster/cluster.ts';
import type { Holding, SubnetWish } from '../cluster/holding.ts';
import type { ClusterNode } from '../cluster/node.ts';

export type SourceHealth = {
  /** Whether everything has been listed at least once. */
  readonly synced: boolean;
  /** The last thing that went wrong, in words; undefined while all is well. */
  readonly problem?: string;
  /** Seconds since the datastore last answered. */
  readonly lastContactAgeSeconds?: number;
};

/** What an operator must know, as a Kubernetes Event on the Node. */
export type OperatorEvent = {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, stable: operators match on it. */
  readonly reason: string;
  readonly message: string;
};

/** What the node says of itself to its peers, Poplin's and Flannel's alike. */
export type Publication = {
  readonly advert: Advert;
  /** By which backend Flannel's nodes are to reach this one: they know of one alone. */
  readonly backend: FlannelPath;
};

/** What a node says of its own health: the text of a NodeSummary, and the same in short. */
export type PublishedSummary = {
  readonly text: string;
  readonly isReady: boolean;
  /** For people. */
  readonly words: string;
};

export interface Source {
  /**
   * This node as it is before it holds anything, where the datastore knows nodes only by what they
   * hold. Absent where somebody else says which nodes there are: then the own one can be missing.
   */
  readonly ownNode?: ClusterNode | undefined;
  /** Runs until `stop`; never rejects and never gives up. */
  run(listener: (event: ClusterEvent) => void, stop: AbortSignal): Promise<void>;
  /**
   * Claims and keeps the node's subnets until `stop`, while `run` runs; never rejects. The listener
   * is told first of all what is known at once, then each change. A stop gives nothing back: who
   * wishes again, with the same or another wish, has what was held before.
   */
  hold(wish: SubnetWish, listener: (holding: Holding) => void, stop: AbortSignal): Promise<void>;
  /** Whether anything had to be written: what is published already costs no request. AppError. */
  publish(publication: Publication, stop: AbortSignal): Promise<boolean>;
  /** Each call is a request: the caller sees to the pace. Rejects with AppError. */
  publishSummary(summary: PublishedSummary, stop: AbortSignal): Promise<void>;
  /** Texts of the summaries of all nodes, by name; undefined where they are not kept. */
  readonly summaries?: ReadonlyMap<string, string> | undefined;
  /**
   * Says in the Node's condition NetworkUnavailable that pods can be reached; nothing where the
   * datastore has no conditions. Costs no request when it is so. Rejects with AppError.
   */
  setNetworkAvailable(stop: AbortSignal): Promise<void>;
  /** Best effort, never rejects; repeats of the same event are counted, not sent again. */
  tell(event: OperatorEvent): Promise<void>;
  health(): SourceHealth;
}
