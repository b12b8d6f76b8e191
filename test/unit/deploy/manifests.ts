// The manifests as tests read them: every document of a file below deploy/, and what is asked of
// them often.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1DaemonSet } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';

export const ROOT = join(import.meta.dirname, '../../..');

export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { strict: true, version: '1.1' }).flatMap((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw error;
    const value = document.toJS() as Manifest | null;
    return value === null ? [] : [value];
  });
}

export const readManifests = (path: string): readonly Manifest[] =>
  parseManifests(readFileSync(join(ROOT, path), 'utf8'));

export function one<T>(manifests: readonly Manifest[], kind: string): T {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind}`);
  return found[0] as unknown as T;
}

export function containerOf(manifests: readonly Manifest[], name: string): V1Container {
  const pod = one<V1DaemonSet>(manifests, 'DaemonSet').spec?.template.spec;
  const all = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])];
  const found = all.find((container) => container.name === name);
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
}

/** What the agent of a node would find there. */
export function environmentOf({ env = [] }: V1Container): Record<string, string> {
  const fields: Readonly<Record<string, string>> = {
    'spec.nodeName': 'node-1',
    'metadata.namespace': 'poplin',
    'status.hostIP': '192.0.2.1',
  };
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => {
      const text = value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ''];
      if (text === undefined) throw new Error(`${name} has no value`);
      return [name, text];
    }),
  );
}
