// Holds objects against the API's own description, as @kubernetes/client-node has it of the OpenAPI
// document: every field is known at its place and of its type. Stricter than the API server, which
// drops what it does not know. What a field must be beyond its type only a real server says:
// test/cluster asks one.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

type Attribute = { readonly baseName: string; readonly type: string };

const MODELS = join(
  dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node')),
  'gen/models',
);

/** The models' list of fields is JSON in a file of code; the code itself costs 65 MB to load. */
function attributesOf(model: string): readonly Attribute[] {
  const text = readFileSync(join(MODELS, `${model}.js`), 'utf8');
  const list = /\.attributeTypeMap = (\[[\s\S]*?\n\]);/.exec(text)?.[1];
  if (list === undefined) throw new Error(`${model} has no list of fields`);
  return JSON.parse(list) as Attribute[];
}

const known = new Map<string, readonly Attribute[]>();

function fieldsOf(model: string): readonly Attribute[] {
  const found = known.get(model) ?? attributesOf(model);
  known.set(model, found);
  return found;
}

type Check = { readonly value: unknown; readonly type: string; readonly path: string };

/** What is wrong with an object of a model, one line each. */
export function schemaProblems(value: unknown, type: string, path = type): string[] {
  return problemsOf({ value, type, path });
}

function problemsOf({ value, type, path }: Check): string[] {
  const [, inner] = /^(?:Array<|Set<|\{ \[key: string\]: )(.*?);? ?[>}]$/.exec(type) ?? [];
  if (inner !== undefined) return severalProblems({ value, type, path }, inner);
  if (type === 'IntOrString') return kindProblem(path, value, ['number', 'string']);
  if (type === 'any' || type === 'object') return kindProblem(path, value, ['object']);
  if (['string', 'number', 'boolean'].includes(type)) return kindProblem(path, value, [type]);
  const wrong = kindProblem(path, value, ['object']);
  if (wrong.length > 0) return wrong;
  const fields = fieldsOf(type);
  return Object.entries(value as object).flatMap(([key, inside]) => {
    const field = fields.find(({ baseName }) => baseName === key);
    if (field === undefined) return [`${path}.${key}: ${type} has no such field`];
    return problemsOf({ value: inside, type: field.type, path: `${path}.${key}` });
  });
}

function severalProblems({ value, type, path }: Check, inner: string): string[] {
  const isList = !type.startsWith('{');
  if (Array.isArray(value) !== isList || typeof value !== 'object' || value === null) {
    return [`${path}: is no ${isList ? 'list' : 'map'}`];
  }
  return Object.entries(value).flatMap(([key, inside]) =>
    problemsOf({ value: inside, type: inner, path: `${path}[${key}]` }),
  );
}

const kindProblem = (path: string, value: unknown, kinds: readonly string[]): string[] =>
  value !== null && kinds.includes(typeof value) && !Array.isArray(value)
    ? []
    : [`${path}: ${JSON.stringify(value)} is no ${kinds.join(' or ')}`];
