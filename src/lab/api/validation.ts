// What the embedded API refuses to store: names that are not DNS names (a Lease cannot be called by
// an IPv6 prefix), objects of another kind than the path says, and a Node's podCIDRs changed after
// they were set. Everything else of an object is taken as it is: the real schemas are not here.

import type { Kind } from './kinds.ts';
import { apiVersionOf, NAMESPACES, NODES } from './kinds.ts';
import type { KubeObject } from './object.ts';
import { isJsonObject, listAt } from './object.ts';
import { badRequest, invalid } from './status.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** RFC 1123 subdomain; a label for namespaces. */
export function checkName(kind: Kind, name: string): void {
  const longest = kind === NAMESPACES ? 63 : 253;
  const labels = kind === NAMESPACES ? [name] : name.split('.');
  if (name.length <= longest && labels.every((label) => LABEL.test(label))) return;
  const form = kind === NAMESPACES ? 'label' : 'subdomain';
  const problem =
    `Invalid value: "${name}": a lowercase RFC 1123 ${form}` +
    " must consist of lower case alphanumeric characters, '-' or '.', and must start and end" +
    ' with an alphanumeric character';
  throw invalid({ kind, name, field: 'metadata.name', problem });
}

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
  if (kind.resource === 'configmaps') checkTextMap(body.data, 'data');
  return { ...body, metadata };
}

/** Decoding fails in the real server, with 400, where a value of a string map is no string. */
function checkTextMap(value: unknown, field: string): void {
  if (value === undefined || value === null) return;
  const isTextMap =
    isJsonObject(value) && Object.values(value).every((text) => typeof text === 'string');
  if (!isTextMap) throw badRequest(`json: cannot unmarshal ${field}: every value must be a string`);
}

/** `podCIDRs` are set once (pkg/apis/core/validation ValidateNodeUpdate). */
export function checkUpdate(kind: Kind, next: KubeObject, current: KubeObject): void {
  if (kind !== NODES) return;
  const before = JSON.stringify(listAt(current, 'spec.podCIDRs'));
  if (before === '[]' || before === JSON.stringify(listAt(next, 'spec.podCIDRs'))) return;
  throw invalid({
    kind,
    name: current.metadata.name ?? '',
    field: 'spec.podCIDRs',
    problem: 'Forbidden: node updates may not change podCIDR except from "" to valid',
  });
}
