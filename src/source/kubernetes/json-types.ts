// Kubernetes objects as they are in JSON. The types are client-node's; its classes have Dates where
// JSON has text. What comes from others is of no type until it was looked at.

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

export const asObject = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

export const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

export const asTexts = (value: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(asObject(value)).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
