// So much of OpenAPI that kubectl works as it does with a real server: per kind the operation PATCH
// with the parameters that it looks for. With `dryRun` there it offers server-side dry runs; with
// `fieldValidation` it leaves validation to the server (cli-runtime, query_param_verifier*.go).
// There are no schemas, so that nothing is refused that we would take.

import type { Kind } from './kinds.ts';
import { KINDS } from './kinds.ts';

/** What PATCH of one kind looks like. */
type PatchOperation = {
  readonly path: string;
  readonly kind: Kind;
};

const PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'] as const;

const EXTENSION = 'x-kubernetes-group-version-kind';

const prefixOf = (kind: Kind): string =>
  kind.group === '' ? `api/${kind.version}` : `apis/${kind.group}/${kind.version}`;

const operations = (): readonly PatchOperation[] =>
  KINDS.map((kind) => {
    const scope = kind.namespaced ? 'namespaces/{namespace}/' : '';
    return { path: `/${prefixOf(kind)}/${scope}${kind.resource}/{name}`, kind };
  });

const groupVersionKind = ({ group, version, kind }: Kind): object => ({ group, version, kind });

const info = (version: string): object => ({ title: 'Poplin lab API', version });

/** Version 2 as JSON. */
export const openApiV2 = (version: string): object => ({
  swagger: '2.0',
  info: info(version),
  paths: Object.fromEntries(
    operations().map(({ path, kind }) => [
      path,
      {
        patch: {
          parameters: PARAMETERS.map((name) => ({ name, in: 'query', type: 'string' })),
          responses: {},
          [EXTENSION]: groupVersionKind(kind),
        },
      },
    ]),
  ),
});

/** Version 3: where the document of each group is. */
export const openApiV3Index = (version: string): object => ({
  paths: Object.fromEntries(
    [...new Set(KINDS.map(prefixOf))].map((prefix) => [
      prefix,
      { serverRelativeURL: `/openapi/v3/${prefix}?hash=${version}` },
    ]),
  ),
});

/** Version 3 of the group at `prefix`: `apis/coordination.k8s.io/v1`. */
export function openApiV3(prefix: string, version: string): object | undefined {
  const found = operations().filter(({ kind }) => prefixOf(kind) === prefix);
  if (found.length === 0) return undefined;
  const schema = { type: 'string', uniqueItems: true };
  const parameters = PARAMETERS.map((name) => ({ name, in: 'query', schema }));
  const paths = found.map(({ path, kind }) => [
    path,
    {
      patch: {
        parameters,
        responses: {},
        'x-kubernetes-action': 'patch',
        [EXTENSION]: groupVersionKind(kind),
      },
    },
  ]);
  return { openapi: '3.0.0', info: info(version), paths: Object.fromEntries(paths) };
}

/** Version 2 as the protobuf of gnostic's openapi.v2, which kubectl before 1.27 asks for. */
export const openApiV2Protobuf = (version: string): Buffer =>
  Buffer.concat([
    text(1, '2.0'),
    message(2, text(1, 'Poplin lab API'), text(2, version)),
    // Document.paths: repeated NamedPathItem { name, value: PathItem { patch: Operation } }
    message(8, ...operations().map(pathItem)),
  ]);

const pathItem = ({ path, kind }: PatchOperation): Buffer =>
  message(2, text(1, path), message(2, message(8, ...PARAMETERS.map(parameter), extension(kind))));

/** ParametersItem.parameter.non_body_parameter.query_parameter_sub_schema */
const parameter = (name: string): Buffer =>
  message(
    8,
    message(1, message(2, message(3, text(2, 'query'), text(4, name), text(6, 'string')))),
  );

/** A NamedAny with YAML, of which JSON is a part. */
const extension = (kind: Kind): Buffer => {
  const yaml = JSON.stringify(groupVersionKind(kind));
  return message(13, text(1, EXTENSION), message(2, text(2, yaml)));
};

const message = (field: number, ...parts: readonly Buffer[]): Buffer =>
  delimited(field, Buffer.concat(parts));

const text = (field: number, value: string): Buffer => delimited(field, Buffer.from(value));

const delimited = (field: number, bytes: Buffer): Buffer =>
  Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left >>>= 7) {
    if (left < 0x80) return Buffer.from([...bytes, left]);
    bytes.push((left & 0x7f) | 0x80);
  }
}
