// The port to whatever stores the cluster: Kubernetes now, etcd later. A source lists, watches,
// retries and resumes by itself; the agent only sees events, which may repeat. Writing is limited
// to the node's own advert and to words for the operator.

import type { ClusterEvent } from '../cluster/cluster.ts';

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

/** Annotations of the own node by name; null: there must be none of this name. */
export type Publication = Readonly<Record<string, string | null>>;

export interface Source {
  /** Runs until `stop`; never rejects and never gives up. */
  run(listener: (event: ClusterEvent) => void, stop: AbortSignal): Promise<void>;
  /** Publishes own annotations; unchanged ones cost no request. Rejects with AppError. */
  publish(annotations: Publication, stop: AbortSignal): Promise<void>;
  /** Best effort, never rejects; repeats of the same event are counted, not sent again. */
  tell(event: OperatorEvent): Promise<void>;
  health(): SourceHealth;
}
