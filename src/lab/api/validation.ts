// What the embedded API refuses to store: objects of another kind than the path says, metadata that
// break the rules of metadata-rules.ts, and of the kinds what clients of ours can get wrong. The
// rest of an object is taken as it is: the real schemas are not here.

import type { Kind } from './kinds.ts';
import { apiVersionOf, CONFIG_MAPS, EVENTS, LEASES, NODES } from './kinds.ts';
import type { Problem } from './metadata-rules.ts';
import { configKeyProblem, metadataProblem, nameProblem } from './metadata-rules.ts';
import type { KubeObject } from './object.ts';
import { isJsonObject, listAt, textAt, valueAt } from './object.ts';
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
  const { name = '' } = object.metadata;
  refuse(kind, name, nameProblem(kind, name) ?? objectProblem(kind, object));
}

/** `podCIDRs` are set once (pkg/apis/core/validation ValidateNodeUpdate). */
export function checkUpdate(kind: Kind, next: KubeObject, current: KubeObject): void {
  const { name = '' } = current.metadata;
  const problem =
    metadataUpdateProblem(next, current) ??
    objectProblem(kind, next) ??
    (kind === NODES ? podCidrProblem(next, current) : undefined);
  refuse(kind, name, problem);
}

function refuse(kind: Kind, name: string, problem: Problem | undefined): void {
  if (problem !== undefined) throw invalid({ kind, name, ...problem });
}

const objectProblem = (kind: Kind, object: KubeObject): Problem | undefined =>
  metadataProblem(object.metadata) ?? RULES.get(kind)?.(object);

const RULES: ReadonlyMap<Kind, (object: KubeObject) => Problem | undefined> = new Map([
  [CONFIG_MAPS, configMapProblem],
  [LEASES, leaseProblem],
  [EVENTS, eventProblem],
]);

function configMapProblem({ data }: KubeObject): Problem | undefined {
  const keys = isJsonObject(data) ? Object.keys(data) : [];
  return keys.map(configKeyProblem).find((problem) => problem !== undefined);
}

function leaseProblem(lease: KubeObject): Problem | undefined {
  const field = 'spec.leaseDurationSeconds';
  const seconds = valueAt(lease, field);
  if (typeof seconds !== 'number' || seconds > 0) return undefined;
  return { field, problem: `Invalid value: ${seconds}: must be greater than 0` };
}

/** An Event stands beside its object, those of cluster-wide ones in `default`. */
function eventProblem(event: KubeObject): Problem | undefined {
  const wanted = textAt(event, 'involvedObject.namespace') || 'default';
  if (wanted === event.metadata.namespace) return undefined;
  const problem = `Invalid value: ${JSON.stringify(textAt(event, 'involvedObject.namespace'))}`;
  return {
    field: 'involvedObject.namespace',
    problem: `${problem}: does not match event.namespace`,
  };
}

function metadataUpdateProblem(
  { metadata: next }: KubeObject,
  { metadata: current }: KubeObject,
): Problem | undefined {
  if (current.deletionTimestamp === undefined) return undefined;
  const held = new Set(current.finalizers);
  const added = (next.finalizers ?? []).filter((finalizer) => !held.has(finalizer));
  if (added.length === 0) return undefined;
  const names = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  return {
    field: 'metadata.finalizers',
    problem:
      'Forbidden: no new finalizers can be added if the object is being deleted,' +
      ` found new finalizers []string{${names}}`,
  };
}

function podCidrProblem(next: KubeObject, current: KubeObject): Problem | undefined {
  const before = JSON.stringify(listAt(current, 'spec.podCIDRs'));
  if (before === '[]' || before === JSON.stringify(listAt(next, 'spec.podCIDRs'))) return undefined;
  return {
    field: 'spec.podCIDRs',
    problem: 'Forbidden: node updates may not change podCIDR except from "" to valid',
  };
}
