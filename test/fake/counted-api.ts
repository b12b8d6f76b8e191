// A client of the Kubernetes API that counts what is written through it.

import type { ApiCall, KubernetesApi } from '../../src/source/kubernetes/api.ts';

export function counted(client: KubernetesApi): { api: KubernetesApi; writes: () => number } {
  let writes = 0;
  const call = (asked: ApiCall, stop?: AbortSignal): Promise<unknown> => {
    if (asked.method !== 'GET') writes += 1;
    return client.call(asked, stop);
  };
  const api: KubernetesApi = {
    call,
    list: (...asked) => client.list(...asked),
    open: (...asked) => client.open(...asked),
    close: () => client.close(),
  };
  return { api, writes: () => writes };
}
