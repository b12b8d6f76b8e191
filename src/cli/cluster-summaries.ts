// Reads what all nodes have published of themselves, from the API or from etcd, once and without
// any agent: for `poplin status --all`, also while agents are away.

import type { AgentOptions } from '../agent/options.ts';
import { systemClock } from '../lib/clock.ts';
import { SUMMARY_ANNOTATION } from '../source/kubernetes/annotations.ts';
import type { NodeJson } from '../source/kubernetes/json-types.ts';
import { asObject, asText, asTexts } from '../source/kubernetes/json-types.ts';
import { etcdConnection, kubernetesClient } from './open-source.ts';

const TIMEOUT_MS = 15_000;
const PAGE_SIZE = 500;

/** Texts by node name; undefined of nodes that have published nothing. Rejects with AppError. */
export function readSummaries(
  options: AgentOptions,
): Promise<ReadonlyMap<string, string | undefined>> {
  return options.etcd === undefined ? fromKubernetes(options) : fromEtcd(options.etcd);
}

async function fromKubernetes(options: AgentOptions): Promise<Map<string, string | undefined>> {
  const client = await kubernetesClient(options);
  const texts = new Map<string, string | undefined>();
  try {
    let next: string | undefined;
    do {
      const call = {
        method: 'GET',
        path: '/api/v1/nodes',
        query: { limit: PAGE_SIZE, ...(next === undefined ? {} : { continue: next }) },
        timeoutMs: TIMEOUT_MS,
      } as const;
      const page = await client.list(call, (item) => {
        const metadata = asObject((item as NodeJson).metadata);
        texts.set(asText(metadata.name), asTexts(metadata.annotations)[SUMMARY_ANNOTATION]);
      });
      next = page.metadata?.continue || undefined;
    } while (next !== undefined);
  } finally {
    client.close();
  }
  return texts;
}

async function fromEtcd(
  etcd: NonNullable<AgentOptions['etcd']>,
): Promise<Map<string, string | undefined>> {
  const { keyLayout, nodeNameOf, rangeOf } = await import('../source/etcd/keys.ts');
  const layout = keyLayout(etcd.prefix);
  const api = await etcdConnection(etcd, systemClock);
  const stop = AbortSignal.timeout(TIMEOUT_MS);
  const texts = new Map<string, string | undefined>();
  try {
    const { items } = await api.list(rangeOf(`${layout.prefix}/poplin/`), stop);
    // Who holds a subnet is a node, whether or not it has published anything.
    for (const part of [layout.holders, layout.summaries]) {
      for (const { key, value } of items) {
        if (!key.startsWith(part)) continue;
        const name = nodeNameOf(key.slice(part.length));
        if (name !== undefined) texts.set(name, part === layout.summaries ? value : undefined);
      }
    }
  } finally {
    api.close();
  }
  return texts;
}
