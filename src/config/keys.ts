// The spelling of keys. Go's JSON decoder, and so Flannel, matches keys without regard to case and
// reads null as "not given"; this brings a document into the one spelling that the schema knows.
// For a key that nobody knows it finds the one that was probably meant. It checks no values.

import type { KeyTree } from './key-tree.ts';
import { keyTree } from './key-tree.ts';
import type { BackendTypeName } from './schema.ts';
import { BACKEND_KEYS, BACKEND_TYPES, configSchema, TOP_KEYS } from './schema.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** Objects below the top, except Backend, whose keys depend on its type. */
const TREE = keyTree(configSchema);

const ALL_BACKEND_KEYS = [...new Set(Object.values(BACKEND_KEYS).flat())];

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The document with known keys in Flannel's spelling and without nulls; others as they are. */
export function normaliseKeys(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const top = respell(value, TOP_KEYS);
  const backend = top.get('Backend');
  if (isJsonObject(backend)) top.set('Backend', normaliseBackend(backend));
  for (const [key, tree] of TREE) {
    if (tree.size > 0 && top.has(key)) top.set(key, normaliseBelow(top.get(key), tree));
  }
  return Object.fromEntries(top);
}

/** Objects, and lists of objects. */
function normaliseBelow(value: unknown, tree: KeyTree): unknown {
  if (tree.size === 0) return value;
  if (Array.isArray(value)) return value.map((item) => normaliseBelow(item, tree));
  if (!isJsonObject(value)) return value;
  const object = respell(value, [...tree.keys()]);
  for (const [key, below] of tree) {
    if (object.has(key)) object.set(key, normaliseBelow(object.get(key), below));
  }
  return Object.fromEntries(object);
}

function normaliseBackend(value: JsonObject): JsonObject {
  const backend = respell(value, ALL_BACKEND_KEYS);
  const type = backend.get('Type');
  if (typeof type === 'string') backend.set('Type', type.toLowerCase());
  return Object.fromEntries(backend);
}

function respell(value: JsonObject, known: readonly string[]): Map<string, unknown> {
  const spelling = new Map(known.map((key) => [key.toLowerCase(), key]));
  const result = new Map<string, unknown>();
  for (const [key, member] of Object.entries(value)) {
    if (member !== null) result.set(spelling.get(key.toLowerCase()) ?? key, member);
  }
  return result;
}

/** What to do about a key that does not belong where it stands, as one sentence. */
export function explainUnknownKey(key: string, backendType: BackendTypeName | undefined): string {
  const here = backendType === undefined ? TOP_KEYS : BACKEND_KEYS[backendType];
  const elsewhere = explainKeyOfElsewhere(key, backendType);
  if (elsewhere !== undefined) return elsewhere;
  const nearest = nearestOf(key, here);
  if (nearest !== undefined) return `is no key here: did you mean "${nearest}"?`;
  return `is no key here; the keys are ${here.join(', ')}`;
}

/** As above, for a key of an object below the top; `path` is that of the object. */
export function explainKeyBelow(key: string, path: readonly PropertyKey[]): string {
  let tree = TREE;
  for (const step of path) {
    if (typeof step === 'string') tree = tree.get(step) ?? NO_KEYS;
  }
  const here = [...tree.keys()];
  const isBeginning = (known: string): boolean => known.toLowerCase().startsWith(key.toLowerCase());
  const nearest = nearestOf(key, here) ?? (key === '' ? undefined : here.find(isBeginning));
  if (nearest !== undefined) return `is no key here: did you mean "${nearest}"?`;
  return `is no key here; the keys are ${here.join(', ')}`;
}

const NO_KEYS: KeyTree = new Map();

/** For a key that is right in another place, or for another backend. */
function explainKeyOfElsewhere(
  key: string,
  backendType: BackendTypeName | undefined,
): string | undefined {
  const same = (known: string): boolean => known.toLowerCase() === key.toLowerCase();
  const backendKey = ALL_BACKEND_KEYS.find(same);
  if (backendType === undefined) {
    return backendKey === undefined ? undefined : `is no key here: it belongs into "Backend"`;
  }
  const owners = BACKEND_TYPES.filter((type) => BACKEND_KEYS[type].some(same));
  if (owners.length > 0) {
    return `is a key of backend ${owners.join(', ')}, not of ${backendType}: remove it`;
  }
  return TOP_KEYS.some(same) ? 'is no key here: it belongs beside "Backend"' : undefined;
}

/** The candidate with the fewest edits, if they are few for the length of the word. */
export function nearestOf(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  const lengthMax = 64;
  if (a.length > lengthMax || b.length > lengthMax) return lengthMax;
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= a.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = at(row - 1, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const isSwap =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swapped = isSwap ? at(row - 2, column - 2) + 1 : replaced;
      const grown = Math.min(at(row - 1, column), at(row, column - 1)) + 1;
      rows[row]?.push(Math.min(replaced, swapped, grown));
    }
  }
  return at(a.length, b.length);
}
