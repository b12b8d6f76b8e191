// Kubernetes objects as they are in JSON. The types are client-node's; its classes have Dates where
// JSON has text.

import type { V1ConfigMap, V1Lease, V1Node } from '@kubernetes/client-node';

type Json<Value> = Value extends Date
  ? string
  : Value extends (infer Element)[]
    ? readonly Json<Element>[]
    : Value extends object
      ? { readonly [Member in keyof Value]: Json<Value[Member]> }
      : Value;

export type NodeJson = Json<V1Node>;
export type ConfigMapJson = Json<V1ConfigMap>;
export type LeaseJson = Json<V1Lease>;

/** What every object of a list or a watch has. */
export type ObjectJson = {
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
};
