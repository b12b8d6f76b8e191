// The port to what a node has left in the datastore, for `poplin cleanup`: what its peers go by to
// send to it, which goes first, and its right to subnets, which goes when its kernel has nothing of
// them any more. Nothing of another node, or of another machine of this name, is ever touched.

export type Trace = {
  /** In words that an operator finds it by. */
  readonly what: string;
  /** Rejects with AppError. What is gone meanwhile is no error. */
  remove(stop: AbortSignal): Promise<void>;
};

export interface Withdrawal {
  /** Where it looks: `the Kubernetes API`, `etcd`. */
  readonly place: string;
  /**
   * Rejects with AppError when the datastore does not answer. `keepsFlannel`: what Flannel's nodes
   * go by stays, since this one is about to be one of them.
   */
  adverts(stop: AbortSignal, keepsFlannel?: boolean): Promise<readonly Trace[]>;
  /** Likewise. */
  claims(stop: AbortSignal): Promise<readonly Trace[]>;
  close(): void;
}
