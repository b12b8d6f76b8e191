// Where the cluster has written down what gives its nodes their subnets: a ConfigMap beside the
// configuration. Who creates it has decided, for everybody; it also holds the lengths of claimed
// subnets, since names of overlapping ones differ, so that claims of two lengths would not collide.
//
// It changes in two steps, each with the resourceVersion. First it names what it is to become: from
// then on nobody claims, and a claim made at that moment is noticed by its owner, who reads this
// record again. Then, when a fresh list shows that nothing of the old kind is in use, it becomes
// that; else it is as before. Pure.

import type { Config } from '../../config/config.ts';
import type { Family } from '../../net/family.ts';
import { FAMILIES } from '../../net/family.ts';
import type { ConfigMapJson, ObjectJson } from './json-types.ts';

export type SubnetSourceKind = 'podCIDR' | 'lease';

export const RECORD_NAME = 'poplin-subnet-source';

/** What the cluster works by. */
export type SubnetRules = {
  readonly source: SubnetSourceKind;
  /** In bits, of the families that somebody asked for. */
  readonly lengths: Partial<Readonly<Record<Family, number>>>;
};

export type SubnetSourceRecord = SubnetRules & {
  readonly decidedBy: string;
  readonly decidedAt: string;
  readonly reason: string;
  /** What it is about to become, if nothing of the old is in use. */
  readonly next?: SubnetRules & { readonly askedBy: string };
  readonly resourceVersion: string;
};

/** 'malformed': somebody else has written it. */
export type RecordParse =
  | { readonly kind: 'is'; readonly record: SubnetSourceRecord }
  | { readonly kind: 'malformed'; readonly problem: string };

/** Keys of the ConfigMap by family. */
const LENGTH_KEYS = { ipv4: 'subnetLen', ipv6: 'ipv6SubnetLen' } as const;
const NEXT = 'next.';

export function parseRecord(object: ObjectJson): RecordParse {
  const { metadata, data } = object as ConfigMapJson;
  const at = (key: string): string => {
    const value: unknown = Object.hasOwn(data ?? {}, key) ? data?.[key] : undefined;
    return typeof value === 'string' ? value : '';
  };
  const rules = parseRules(at, '');
  if (typeof rules === 'string') return { kind: 'malformed', problem: rules };
  const next = at(`${NEXT}source`) === '' ? undefined : parseRules(at, NEXT);
  if (typeof next === 'string') return { kind: 'malformed', problem: next };
  const record = {
    ...rules,
    decidedBy: at('decidedBy'),
    decidedAt: at('decidedAt'),
    reason: at('reason'),
    ...(next === undefined ? {} : { next: { ...next, askedBy: at(`${NEXT}askedBy`) } }),
    resourceVersion: metadata?.resourceVersion ?? '',
  };
  return { kind: 'is', record };
}

function parseRules(at: (key: string) => string, prefix: string): SubnetRules | string {
  const source = at(`${prefix}source`);
  if (source !== 'podCIDR' && source !== 'lease') {
    return `its key ${prefix}source is "${source}", not podCIDR or lease`;
  }
  const lengths: Partial<Record<Family, number>> = {};
  for (const family of FAMILIES) {
    const key = prefix + LENGTH_KEYS[family];
    const text = at(key);
    if (text === '') continue;
    if (!/^\d{1,3}$/.test(text)) return `its key ${key} is "${text}", not a prefix length`;
    lengths[family] = Number(text);
  }
  return { source, lengths };
}

export type NewRecord = Omit<SubnetSourceRecord, 'resourceVersion'>;

/** The whole object, to create or, with a resourceVersion, to replace it. */
export function renderRecord(record: NewRecord | SubnetSourceRecord): object {
  const { next, decidedBy, decidedAt, reason } = record;
  const metadata = { name: RECORD_NAME };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata:
      'resourceVersion' in record
        ? { ...metadata, resourceVersion: record.resourceVersion }
        : metadata,
    data: {
      ...renderRules(record, ''),
      ...{ decidedBy, decidedAt, reason },
      ...(next === undefined
        ? {}
        : { ...renderRules(next, NEXT), [`${NEXT}askedBy`]: next.askedBy }),
    },
  };
}

const renderRules = ({ source, lengths }: SubnetRules, prefix: string): object => ({
  [`${prefix}source`]: source,
  ...Object.fromEntries(
    FAMILIES.flatMap((family) => {
      const length = lengths[family];
      return length === undefined ? [] : [[prefix + LENGTH_KEYS[family], String(length)]];
    }),
  ),
});

/** As the configuration wants them; other families stay as they are. */
export const rulesOf = (
  source: SubnetSourceKind,
  { families }: Config,
  before: SubnetRules['lengths'] = {},
): SubnetRules => ({
  source,
  lengths: {
    ...before,
    ...Object.fromEntries(families.map((each) => [each.family, each.subnetLengthBits])),
  },
});

export const sameRules = (a: SubnetRules, b: SubnetRules): boolean =>
  a.source === b.source && FAMILIES.every((family) => a.lengths[family] === b.lengths[family]);
