// Writes YAML of what Kubernetes and Helm read, with comments, and with the template actions of a
// chart where a value is not known yet. One writer for all, so that the plain manifest and the
// chart are one text but for those places. It knows only what these files need.

const MARK = Symbol('mark');

export type Yaml =
  | string
  | number
  | boolean
  | Marked
  | readonly Yaml[]
  | { readonly [key: string]: Yaml | undefined };

export type Marked =
  | { readonly [MARK]: 'note'; readonly text: string; readonly value: Yaml }
  | { readonly [MARK]: 'action'; readonly open: string; readonly value: Yaml }
  | { readonly [MARK]: 'raw'; readonly text: string }
  | { readonly [MARK]: 'lines'; readonly text: string };

/** A comment before an entry of a map or a list. */
export const note = (text: string, value: Yaml): Yaml => ({ [MARK]: 'note', text, value });

/** Of a chart: the entry is there only when the condition holds. */
export const when = (condition: string, value: Yaml): Yaml => ({
  [MARK]: 'action',
  open: `if ${condition}`,
  value,
});

/** Of a chart: the entry of a list for each value of another, where it is `.`. */
export const each = (list: string, value: Yaml): Yaml => ({
  [MARK]: 'action',
  open: `range ${list}`,
  value,
});

/** Of a chart: an expression whose text is the value as JSON or a plain scalar. */
export const raw = (expression: string): Yaml => ({ [MARK]: 'raw', text: `{{ ${expression} }}` });

/** Text of several lines, as it is. */
export const lines = (text: string): Yaml => ({ [MARK]: 'lines', text });

const isMarked = (value: Yaml): value is Marked => typeof value === 'object' && MARK in value;

const COLUMNS = 98;

/** Documents one after another; of a chart, one with a condition is whole inside of it. */
export function renderDocuments(header: string, documents: readonly Yaml[]): string {
  const parts = documents.map((document) => {
    const [before, inner, after] = unwrap(document, '');
    return [...before, '---', ...renderValue(inner, ''), ...after].join('\n');
  });
  return `${[...comment(header, ''), ...parts].join('\n')}\n`;
}

export const renderDocument = (header: string, document: Yaml): string =>
  `${[...comment(header, ''), ...renderValue(document, '')].join('\n')}\n`;

/** Comments and actions around a value. */
function unwrap(value: Yaml, pad: string): [before: string[], inner: Yaml, after: string[]] {
  if (!isMarked(value)) return [[], value, []];
  if (value[MARK] === 'note') {
    const [before, inner, after] = unwrap(value.value, pad);
    return [[...comment(value.text, pad), ...before], inner, after];
  }
  if (value[MARK] === 'action') {
    const [before, inner, after] = unwrap(value.value, pad);
    return [[`${pad}{{- ${value.open} }}`, ...before], inner, [...after, `${pad}{{- end }}`]];
  }
  return [[], value, []];
}

function renderValue(value: Yaml, pad: string): string[] {
  if (Array.isArray(value))
    return (value as readonly Yaml[]).flatMap((item) => listItem(item, pad));
  if (typeof value === 'object' && !isMarked(value)) {
    return Object.entries(value as Record<string, Yaml | undefined>).flatMap(([key, item]) =>
      item === undefined ? [] : mapEntry(key, item, pad),
    );
  }
  return [`${pad}${scalar(value)}`];
}

function listItem(item: Yaml, pad: string): string[] {
  const [before, inner, after] = unwrap(item, pad);
  if (!isBranch(inner)) return [...before, `${pad}- ${scalar(inner)}`, ...after];
  const [first = '', ...rest] = renderValue(inner, `${pad}  `);
  // A comment or an action stands before the dash, not behind it.
  if (/^\s*(#|\{\{)/.test(first)) return [...before, `${pad}-`, first, ...rest, ...after];
  return [...before, `${pad}- ${first.trimStart()}`, ...rest, ...after];
}

function mapEntry(key: string, item: Yaml, pad: string): string[] {
  const [before, inner, after] = unwrap(item, pad);
  const name = `${pad}${scalar(key)}:`;
  if (isBranch(inner)) return [...before, name, ...renderValue(inner, `${pad}  `), ...after];
  if (isMarked(inner) && inner[MARK] === 'lines') {
    const text = inner.text.trimEnd().split('\n');
    return [...before, `${name} |`, ...text.map((line) => `${pad}  ${line}`.trimEnd()), ...after];
  }
  return [...before, `${name} ${scalar(inner)}`, ...after];
}

const isBranch = (value: Yaml): boolean =>
  typeof value === 'object' && !isMarked(value) && Object.keys(value).length > 0;

/** What YAML 1.1 and 1.2 both read as this very text, without quotes. */
const PLAIN = /^[A-Za-z/][\w./-]*$/;
const WORDS = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

function scalar(value: Yaml): string {
  if (typeof value === 'string') {
    return PLAIN.test(value) && !WORDS.test(value) ? value : JSON.stringify(value);
  }
  if (typeof value !== 'object') return String(value);
  if (isMarked(value) && (value[MARK] === 'raw' || value[MARK] === 'lines')) return value.text;
  return Array.isArray(value) ? '[]' : '{}';
}

function comment(text: string, pad: string): string[] {
  if (text === '') return [];
  const rows: string[] = [];
  for (const word of text.split(' ')) {
    const row = `${rows.at(-1) ?? ''} ${word}`;
    if (rows.length > 0 && pad.length + 1 + row.length <= COLUMNS) rows[rows.length - 1] = row;
    else rows.push(` ${word}`);
  }
  return rows.map((row) => `${pad}#${row}`);
}
