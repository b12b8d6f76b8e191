// What the embedded API refuses to store: objects of another kind than the path says, metadata that
// break the rules of metadata-rules.ts, and of the kinds what clients of ours can get wrong. The
// rest of an object is taken as it is: the real schemas are not here.

import { cidrFamily, parseCidr } from '../../net/cidr.ts';
import type { Kind } from './kinds.ts';
import { apiVersionOf, CONFIG_MAPS, EVENTS, LEASES, NODES } from './kinds.ts';
import {
  configKeyProblems,
  metadataProblems,
  nameProblems,
  prefixProblems,
} from './metadata-rules.ts';
import type { KubeObject } from './object.ts';
import { isJsonObject, listAt, textAt, valueAt } from './object.ts';
import type { Problem } from './status.ts';
import { badRequest, invalid } from './status.ts';

/** The body as an object of this kind; kind and apiVersion may be missing, but not be others. */
export function objectOf(kind: Kind, body: unknown): KubeObject {
  if (!isJsonObject(body)) throw badRequest('the body of the request is not a JSON object');
  const metadata = body.metadata ?? {};
  if (!isJsonObject(metadata)) throw badRequest('metadata is not a JSON object');
  const apiVersion = apiVersionOf(kind);
  const isSame =
    (body.kind ?? kind.kind) === kind.kind && (body.apiVersion ?? apiVersion) === apiVersion;
  if (!isSame) {
    throw badRequest(
      `${String(body.kind)} in version "${String(body.apiVersion)}" cannot be handled as a ` +
        kind.kind,
    );
  }
  checkTextMap(metadata.labels, 'metadata.labels');
  checkTextMap(metadata.annotations, 'metadata.annotations');
  if (kind === CONFIG_MAPS) checkTextMap(body.data, 'data');
  return { ...body, metadata };
}

/** Decoding fails in the real server, with 400, where a value of a string map is no string. */
function checkTextMap(value: unknown, field: string): void {
  if (value === undefined || value === null) return;
  const isTextMap =
    isJsonObject(value) && Object.values(value).every((text) => typeof text === 'string');
  if (!isTextMap) throw badRequest(`json: cannot unmarshal ${field}: every value must be a string`);
}

/** Before it is stored for the first time. */
export function checkNew(kind: Kind, object: KubeObject): void {
  const { name = '', generateName = '' } = object.metadata;
  refuse(kind, name, [
    ...(generateName === '' ? [] : prefixProblems(kind, generateName)),
    ...nameProblems(kind, name),
    ...objectProblems(kind, object),
  ]);
}

/** Before it is stored in the place of another. */
export function checkUpdate(kind: Kind, next: KubeObject, current: KubeObject): void {
  const { name = '' } = current.metadata;
  refuse(kind, name, [
    ...finalizerProblems(next, current),
    ...objectProblems(kind, next),
    ...(kind === NODES ? changedPodCidrProblems(next, current) : []),
  ]);
}

function refuse(kind: Kind, name: string, problems: readonly Problem[]): void {
  if (problems.length > 0) throw invalid({ kind, name, problems });
}

const objectProblems = (kind: Kind, object: KubeObject): readonly Problem[] => [
  ...metadataProblems(object.metadata),
  ...(RULES.get(kind)?.(object) ?? []),
];

const RULES: ReadonlyMap<Kind, (object: KubeObject) => readonly Problem[]> = new Map([
  [CONFIG_MAPS, configMapProblems],
  [LEASES, leaseProblems],
  [EVENTS, eventProblems],
  [NODES, podCidrProblems],
]);

function configMapProblems({ data }: KubeObject): readonly Problem[] {
  return isJsonObject(data) ? Object.keys(data).flatMap(configKeyProblems) : [];
}

function leaseProblems(lease: KubeObject): readonly Problem[] {
  const field = 'spec.leaseDurationSeconds';
  const seconds = valueAt(lease, field);
  if (typeof seconds !== 'number' || seconds > 0) return [];
  return [{ field, problem: `Invalid value: ${seconds}: must be greater than 0` }];
}

/** An Event stands beside its object, those of cluster-wide ones in `default`. */
function eventProblems(event: KubeObject): readonly Problem[] {
  const field = 'involvedObject.namespace';
  const named = textAt(event, field);
  if ((named || 'default') === event.metadata.namespace) return [];
  const problem = `Invalid value: ${JSON.stringify(named)}: does not match event.namespace`;
  return [{ field, problem }];
}

/** CIDRs, one of a family. */
function podCidrProblems(node: KubeObject): readonly Problem[] {
  const field = 'spec.podCIDRs';
  const texts = listAt(node, field).map(String);
  const cidrs = texts.map(parseCidr);
  const problems = texts.flatMap((text, index) => {
    const problem = `Invalid value: ${JSON.stringify(text)}: must be a valid CIDR`;
    return cidrs[index] === undefined ? [{ field: `${field}[${index}]`, problem }] : [];
  });
  const families = cidrs.flatMap((cidr) => (cidr === undefined ? [] : [cidrFamily(cidr)]));
  if (new Set(families).size === families.length) return problems;
  const why = 'may specify no more than one CIDR for each IP family';
  return [...problems, { field, problem: `Invalid value: ${JSON.stringify(texts)}: ${why}` }];
}

function finalizerProblems(
  { metadata: next }: KubeObject,
  { metadata: current }: KubeObject,
): readonly Problem[] {
  if (current.deletionTimestamp === undefined) return [];
  const held = new Set(current.finalizers);
  const added = (next.finalizers ?? []).filter((finalizer) => !held.has(finalizer));
  if (added.length === 0) return [];
  const names = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  const problem =
    'Forbidden: no new finalizers can be added if the object is being deleted,' +
    ` found new finalizers []string{${names}}`;
  return [{ field: 'metadata.finalizers', problem }];
}

/** `podCIDRs` are set once (pkg/apis/core/validation ValidateNodeUpdate). */
function changedPodCidrProblems(next: KubeObject, current: KubeObject): readonly Problem[] {
  const field = 'spec.podCIDRs';
  const before = JSON.stringify(listAt(current, field));
  if (before === '[]' || before === JSON.stringify(listAt(next, field))) return [];
  const problem = 'Forbidden: node updates may not change podCIDR except from "" to valid';
  return [{ field, problem }];
}
