// The words of `poplin lab`: their defaults, ranges and errors. Pure.

import type { BackendType, Config } from '../config/config.ts';
import { BACKEND_TYPES } from '../config/schema.ts';
import type { LabSpec, UnderlayKind } from '../lab/plan.ts';
import {
  DEFAULT_POD_NETWORK,
  isLabName,
  LAB_NAME_LENGTH_MAX,
  NODE_COUNT_MAX,
  PODS_PER_NODE_MAX,
  SEGMENT_COUNT_MAX,
} from '../lab/plan.ts';
import { AppError } from '../lib/errors.ts';
import { parseCidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';

export const LAB_OPTIONS = {
  name: { type: 'string', default: 'lab' },
  nodes: { type: 'string', default: '3' },
  pods: { type: 'string', default: '2' },
  backend: { type: 'string', default: 'vxlan' },
  underlay: { type: 'string', default: 'flat' },
  segments: { type: 'string', default: '2' },
  family: { type: 'string', default: 'ipv4' },
  mtu: { type: 'string', default: '1500' },
  'subnet-source': { type: 'string' },
  kubeconfig: { type: 'string' },
  datastore: { type: 'string', default: 'kubernetes' },
  bird: { type: 'string' },
  reflectors: { type: 'string', default: '0' },
  set: { type: 'string', multiple: true },
  'delay-ms': { type: 'string', default: '0' },
  port: { type: 'string', default: '0' },
  json: { type: 'boolean', default: false },
} as const;

export type LabValues = Readonly<
  Record<'name' | 'nodes' | 'pods' | 'backend' | 'underlay' | 'segments' | 'family' | 'mtu', string>
> & {
  readonly 'subnet-source'?: string | undefined;
  readonly reflectors?: string | undefined;
};

const BACKENDS: readonly BackendType[] = BACKEND_TYPES;
const UNDERLAYS: readonly UnderlayKind[] = ['flat', 'routed'];
const SUBNET_SOURCES: readonly Config['subnetSource'][] = ['auto', 'podCIDR', 'lease'];
const FAMILIES: ReadonlyMap<string, readonly Family[]> = new Map([
  ['ipv4', ['ipv4']],
  ['ipv6', ['ipv6']],
  ['dual', ['ipv4', 'ipv6']],
]);
const MTU_MIN_BYTES = 1400;
const MTU_MAX_BYTES = 9_000;
const DELAY_MAX_MS = 60_000;

export function parseLabSpec(values: LabValues): LabSpec {
  const underlay = oneOf('underlay', values.underlay, UNDERLAYS);
  const families = FAMILIES.get(values.family);
  const source = values['subnet-source'];
  const reflectorCount = integer('reflectors', values.reflectors ?? '0', [0, NODE_COUNT_MAX]);
  if (families === undefined) {
    throw usage('family', values.family, `one of ${[...FAMILIES.keys()].join(', ')}`);
  }
  return {
    name: parseLabName(values.name),
    nodeCount: integer('nodes', values.nodes, [1, NODE_COUNT_MAX]),
    podsPerNode: integer('pods', values.pods, [0, PODS_PER_NODE_MAX]),
    backend: oneOf('backend', values.backend, BACKENDS),
    underlay,
    segmentCount:
      underlay === 'flat' ? 1 : integer('segments', values.segments, [2, SEGMENT_COUNT_MAX]),
    families,
    mtuBytes: integer('mtu', values.mtu, [MTU_MIN_BYTES, MTU_MAX_BYTES]),
    podNetworks: families.flatMap((family) => parseCidr(DEFAULT_POD_NETWORK[family]) ?? []),
    ...(reflectorCount === 0 ? {} : { reflectorCount }),
    ...(source === undefined
      ? {}
      : { subnetSource: oneOf('subnet-source', source, SUBNET_SOURCES) }),
  };
}

/** Every command checks it: the name is part of paths, and `down` removes what they lead to. */
export function parseLabName(name: string): string {
  if (isLabName(name)) return name;
  throw usage('name', name, `lower-case letters, digits and -, at most ${LAB_NAME_LENGTH_MAX}`);
}

/** `undefined`: Kubernetes. */
export function parseLabDatastore(values: {
  readonly datastore: string;
  readonly kubeconfig?: string | undefined;
  readonly 'subnet-source'?: string | undefined;
}): 'etcd' | undefined {
  const datastore = oneOf('datastore', values.datastore, ['kubernetes', 'etcd'] as const);
  if (datastore === 'kubernetes') return undefined;
  for (const name of ['kubeconfig', 'subnet-source'] as const) {
    const value = values[name];
    if (value !== undefined) throw usage(name, value, 'of use with --datastore etcd');
  }
  return 'etcd';
}

/** `VNI=2` → VNI: 2; a value that is no JSON is a text. Of a key that is given twice, the last. */
export function parseSettings(settings: readonly string[]): ReadonlyMap<string, unknown> {
  return new Map(
    settings.map((setting) => {
      const equals = setting.indexOf('=');
      if (equals < 1) throw usage('set', setting, 'KEY=VALUE, as in VNI=2');
      return [setting.slice(0, equals), jsonOrText(setting.slice(equals + 1))];
    }),
  );
}

/** How far apart the nodes see a change. */
export const parseDelay = (text: string): number => integer('delay-ms', text, [0, DELAY_MAX_MS]);

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw usage(name, value, `one of ${allowed.join(', ')}`);
  return found;
}

function integer(name: string, value: string, [min, max]: readonly [number, number]): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max) {
    throw usage(name, value, `a number from ${min} to ${max}`);
  }
  return number;
}

const usage = (name: string, value: string, right: string): AppError =>
  new AppError('USAGE', 'poplin lab', `--${name} "${value}" is not ${right}`);
