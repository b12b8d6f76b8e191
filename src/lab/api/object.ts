// An API object as the embedded server holds it: plain JSON with the usual metadata. Objects are
// never changed in place, since watchers and the history share them. Pure.

type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
};

export type ObjectMeta = {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
};

export type KubeObject = {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly [member: string]: unknown;
};

export type JsonObject = { readonly [member: string]: unknown };

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a dotted path: `spec.nodeName`; `undefined` where there is none. */
export function valueAt(value: unknown, path: string): unknown {
  let current = value;
  for (const member of path.split('.')) {
    if (!isJsonObject(current) || !Object.hasOwn(current, member)) return undefined;
    current = current[member];
  }
  return current;
}

/** The text at a dotted path; '' where there is none, as field selectors and columns want it. */
export function textAt(value: unknown, path: string): string {
  const found = valueAt(value, path);
  return found === undefined || found === null || typeof found === 'object' ? '' : String(found);
}

/** The list at a dotted path; empty where there is none. */
export function listAt(value: unknown, path: string): readonly unknown[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}

/** Seconds precision, as `metav1.Time` has it. */
export const timestamp = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
