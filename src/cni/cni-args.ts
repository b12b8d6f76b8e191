// CNI_ARGS, the `K=V;K=V` that runtimes send beside the configuration: the pod's name, which `ctr
// run --cni` and podman do not send, and an address and an Ethernet address, which podman may ask
// for. Pure.

import { CNI_CODES, failure } from './errors.ts';
import type { Parsed } from './network-config.ts';

export type PodName = { readonly namespace: string; readonly name: string };

export type CniArgs = {
  readonly pod?: PodName;
  /** Addresses and the Ethernet address that are asked for, as they were written. */
  readonly ip?: string;
  readonly mac?: string;
};

const KNOWN = new Set([
  'IgnoreUnknown',
  'K8S_POD_NAMESPACE',
  'K8S_POD_NAME',
  'K8S_POD_INFRA_CONTAINER_ID',
  'K8S_POD_UID',
  'IP',
  'MAC',
]);

/** Unknown keys are an error unless IgnoreUnknown says otherwise, as in pkg/types/args.go. */
export function parseCniArgs(text: string): Parsed<CniArgs> {
  const args = new Map<string, string>();
  for (const pair of text === '' ? [] : text.split(';')) {
    const equals = pair.indexOf('=');
    if (equals <= 0) return invalid(`"${pair}" is not KEY=VALUE`);
    args.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  const ignoresUnknown = ['1', 'true'].includes(args.get('IgnoreUnknown')?.toLowerCase() ?? '');
  const unknown = [...args.keys()].filter((key) => !KNOWN.has(key));
  if (unknown.length > 0 && !ignoresUnknown) return invalid(`unknown args [${unknown.join(' ')}]`);
  const namespace = args.get('K8S_POD_NAMESPACE');
  const name = args.get('K8S_POD_NAME');
  const [ip, mac] = [args.get('IP'), args.get('MAC')];
  return {
    kind: 'ok',
    value: {
      ...(namespace && name ? { pod: { namespace, name } } : {}),
      ...(ip ? { ip } : {}),
      ...(mac ? { mac } : {}),
    },
  };
}

const invalid = (details: string): Parsed<never> => ({
  kind: 'failed',
  failure: failure(CNI_CODES.environment, 'CNI_ARGS is not understood', details),
});
