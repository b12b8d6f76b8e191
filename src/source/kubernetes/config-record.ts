// The network configuration in a ConfigMap, as text; whether the text is right is for src/config to
// say. Pure.

import type { ConfigMapJson, ObjectJson } from './json-types.ts';

export type ConfigLocation = {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
  /** The configuration comes from somewhere else: that there is none here is no problem. */
  readonly isUnused?: boolean;
};

export const DEFAULT_CONFIG_LOCATION: ConfigLocation = {
  namespace: 'poplin',
  name: 'poplin-config',
  key: 'net-conf.json',
};

/** How messages call it. */
export const configOrigin = ({ namespace, name, key }: ConfigLocation): string =>
  `ConfigMap ${namespace}/${name}, key ${key}`;

/** `undefined` when the ConfigMap has no such key. */
export function configText(object: ObjectJson, key: string): string | undefined {
  const data: unknown = (object as ConfigMapJson).data;
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, key)) return undefined;
  const text = (data as Record<string, unknown>)[key];
  return typeof text === 'string' ? text : undefined;
}
