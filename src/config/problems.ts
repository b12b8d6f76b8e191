// Makes ConfigProblems: from the schema's issues and from key, value and text. A problem names the
// key by its path, shows the value as JSON, and its message says what would be right. Nothing here
// decides whether a value is right.

import type * as z from 'zod';
import type { ConfigProblem } from './config.ts';
import { explainKeyBelow, explainUnknownKey, isJsonObject, nearestOf } from './keys.ts';
import type { BackendTypeName } from './schema.ts';
import { BACKEND_TYPES } from './schema.ts';

/** Flannel's other types (its pkg/backend), those that it removed in 2022 among them. */
const FLANNEL_ONLY_TYPES: readonly string[] = [
  ...['wireguard', 'udp', 'ipip', 'ipsec', 'alloc', 'extension'],
  ...['tencent-vpc', 'ali-vpc', 'aws-vpc', 'gce'],
];

const VALUE_LENGTH_MAX = 60;
/** Where somebody may have written one: problems are shown to many. */
const PASSWORD = /password/i;

const choices = BACKEND_TYPES.map((type) => `"${type}"`).join(' or ');

export const problem = (key: string, value: unknown, message: string): ConfigProblem => ({
  key,
  value: PASSWORD.test(key) ? '' : showValue(value),
  message,
});

/** `Backend.VNI = 0: must be …`, as `config check`, Events and `status` show it. */
export function renderProblem({ key, value, message }: ConfigProblem): string {
  const subject = [key, value].filter((part) => part !== '').join(' = ');
  return subject === '' ? `the configuration ${message}` : `${subject}: ${message}`;
}

/** Problems of a document that the schema refused, each key at most once. */
export function problemsOf(error: z.ZodError, document: unknown): readonly ConfigProblem[] {
  const problems = new Map<string, ConfigProblem>();
  for (const issue of error.issues) {
    for (const found of problemsOfIssue(issue, document)) {
      if (!problems.has(found.key)) problems.set(found.key, found);
    }
  }
  return [...problems.values()];
}

function problemsOfIssue(issue: z.core.$ZodIssue, document: unknown): readonly ConfigProblem[] {
  const key = pathText(issue.path);
  const value = valueAt(document, issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((unknown) =>
      problem(
        pathText([...issue.path, unknown]),
        valueAt(value, [unknown]),
        explainKey(unknown, issue.path, value),
      ),
    );
  }
  if (key === 'Backend.Type') return [problem(key, value, explainBackendType(value))];
  return [problem(key, value, issue.message)];
}

function explainKey(key: string, path: readonly PropertyKey[], object: unknown): string {
  if (path.length === 0) return explainUnknownKey(key, undefined);
  return path[0] === 'Backend'
    ? explainUnknownKey(key, backendTypeOf(object))
    : explainKeyBelow(key, path);
}

function explainBackendType(type: unknown): string {
  if (typeof type !== 'string') return `must be ${choices}`;
  if (FLANNEL_ONLY_TYPES.includes(type)) {
    return `is a backend of Flannel that Poplin does not have; it has ${choices}`;
  }
  const nearest = nearestOf(type, BACKEND_TYPES);
  if (nearest !== undefined) return `is no backend: did you mean "${nearest}"?`;
  return `is no backend: must be ${choices}`;
}

/** The type that a refused Backend object names; absent is vxlan, as in the schema. */
function backendTypeOf(backend: unknown): BackendTypeName {
  const named = isJsonObject(backend) ? backend.Type : undefined;
  return BACKEND_TYPES.find((type) => type === named) ?? 'vxlan';
}

const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : `${text}${text && '.'}${String(step)}`,
    '',
  );

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document;
  for (const step of path) {
    if (Array.isArray(value) && typeof step === 'number') value = value[step];
    else if (isJsonObject(value) && Object.hasOwn(value, step)) value = value[String(step)];
    else return undefined;
  }
  return value;
}

function showValue(value: unknown): string {
  const hide = (key: string, member: unknown) => (PASSWORD.test(key) ? '…' : member);
  const text = JSON.stringify(value, hide) ?? '';
  return text.length <= VALUE_LENGTH_MAX ? text : `${text.slice(0, VALUE_LENGTH_MAX)}…`;
}
