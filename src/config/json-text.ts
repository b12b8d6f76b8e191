// Finds what JSON.parse does not say: the line and column of a syntax error, and keys that are
// given twice (where JSON.parse silently keeps the last). It only walks over the text and makes no
// values; it accepts exactly what JSON.parse accepts, up to a bound on the depth, and a property
// test holds the two equal.

type TextPosition = { readonly line: number; readonly column: number };

export type RepeatedKey = {
  /** Path of the second one as it is written: `Backend.vni`. */
  readonly path: string;
  readonly firstSpelling: string;
  readonly first: TextPosition;
  readonly second: TextPosition;
};

export type JsonScan =
  | { readonly kind: 'ok'; readonly repeatedKeys: readonly RepeatedKey[] }
  | { readonly kind: 'bad'; readonly at: TextPosition; readonly problem: string };

/** Deeper nesting than this is refused, so that the walk cannot exhaust the stack. */
const DEPTH_MAX = 64;

const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them unescaped in strings.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORD = /true|false|null/y;

type Cursor = { readonly text: string; offset: number; readonly repeated: RepeatedKey[] };
type Problem = { readonly offset: number; readonly problem: string };

export function scanJson(text: string): JsonScan {
  const cursor: Cursor = { text, offset: 0, repeated: [] };
  const bad = scanValue(cursor, '', 0) ?? scanEnd(cursor);
  if (bad === undefined) return { kind: 'ok', repeatedKeys: cursor.repeated };
  return { kind: 'bad', at: positionOf(text, bad.offset), problem: bad.problem };
}

function scanValue(cursor: Cursor, path: string, depth: number): Problem | undefined {
  take(cursor, SPACE);
  if (depth > DEPTH_MAX) return problemAt(cursor, `is nested deeper than ${DEPTH_MAX} levels`);
  const next = cursor.text[cursor.offset];
  if (next === '{') return scanObject(cursor, path, depth);
  if (next === '[') return scanArray(cursor, path, depth);
  if (next === '"') return scanString(cursor);
  if (take(cursor, WORD) !== undefined || take(cursor, NUMBER) !== undefined) return undefined;
  if (next === "'") return problemAt(cursor, 'strings stand in double quotes ("), not in (\')');
  return expected(cursor, 'a value');
}

function scanObject(cursor: Cursor, path: string, depth: number): Problem | undefined {
  const seen = new Map<string, Key>();
  cursor.offset += 1;
  take(cursor, SPACE);
  if (skip(cursor, '}')) return undefined;
  for (;;) {
    take(cursor, SPACE);
    const keyOffset = cursor.offset;
    if (cursor.text[keyOffset] !== '"') return missingKey(cursor);
    const bad = scanString(cursor);
    if (bad !== undefined) return bad;
    const spelling = String(JSON.parse(cursor.text.slice(keyOffset, cursor.offset)));
    const key: Key = { spelling, offset: keyOffset };
    const keyPath = path === '' ? spelling : `${path}.${spelling}`;
    const before = seen.get(spelling.toLowerCase());
    if (before === undefined) seen.set(spelling.toLowerCase(), key);
    else cursor.repeated.push(repeatedKey(cursor.text, keyPath, [before, key]));
    take(cursor, SPACE);
    if (!skip(cursor, ':')) return expected(cursor, `':' after the key "${spelling}"`);
    const badValue = scanValue(cursor, keyPath, depth + 1);
    if (badValue !== undefined) return badValue;
    take(cursor, SPACE);
    if (skip(cursor, '}')) return undefined;
    if (!skip(cursor, ',')) return expected(cursor, `',' or '}' after the value of "${spelling}"`);
  }
}

function scanArray(cursor: Cursor, path: string, depth: number): Problem | undefined {
  cursor.offset += 1;
  take(cursor, SPACE);
  if (skip(cursor, ']')) return undefined;
  for (let index = 0; ; index += 1) {
    const bad = scanValue(cursor, `${path}[${index}]`, depth + 1);
    if (bad !== undefined) return bad;
    take(cursor, SPACE);
    if (skip(cursor, ']')) return undefined;
    if (!skip(cursor, ',')) return expected(cursor, "',' or ']' in the list");
  }
}

function scanString(cursor: Cursor): Problem | undefined {
  if (take(cursor, STRING) !== undefined) return undefined;
  return problemAt(cursor, 'the string does not end, or holds a line break or a bad escape');
}

function scanEnd(cursor: Cursor): Problem | undefined {
  take(cursor, SPACE);
  return cursor.offset === cursor.text.length ? undefined : expected(cursor, 'the end of the text');
}

/** The two commonest slips are named: a comma too many, and a key without quotes. */
function missingKey(cursor: Cursor): Problem {
  const before = cursor.text.slice(0, cursor.offset).trimEnd();
  if (cursor.text[cursor.offset] === '}' && before.endsWith(',')) {
    return problemAt(cursor, "no comma may stand before '}'");
  }
  return expected(cursor, 'a key in double quotes');
}

const problemAt = (cursor: Cursor, problem: string): Problem => ({
  offset: cursor.offset,
  problem,
});

function expected(cursor: Cursor, what: string): Problem {
  const found = cursor.text[cursor.offset];
  const seen = found === undefined ? 'the text ends' : `found ${JSON.stringify(found)}`;
  return problemAt(cursor, `expected ${what}, but ${seen}`);
}

function take(cursor: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.offset;
  const found = pattern.exec(cursor.text)?.[0];
  if (found !== undefined) cursor.offset += found.length;
  return found;
}

function skip(cursor: Cursor, character: string): boolean {
  if (cursor.text[cursor.offset] !== character) return false;
  cursor.offset += 1;
  return true;
}

type Key = { readonly spelling: string; readonly offset: number };

const repeatedKey = (text: string, path: string, keys: readonly [Key, Key]): RepeatedKey => ({
  path,
  firstSpelling: keys[0].spelling,
  first: positionOf(text, keys[0].offset),
  second: positionOf(text, keys[1].offset),
});

function positionOf(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}
