// Answers in a form in which two servers can be compared: identities, revisions and times become
// names in the order in which they appear, and members that say nothing (Go writes them where the
// type lacks `omitempty`) are left out. Pure, but for the names that it remembers.

const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** Written by servers of some versions alone (the label from 1.21 on) and not read by us. */
const UNSEEN = ['managedFields', 'selfLink', 'kubernetes.io/metadata.name'];

type Json = Readonly<Record<string, unknown>>;

export class Normaliser {
  readonly #uids = new Map<string, string>();
  readonly #revisions = new Map<string, string>();

  value(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((element) => this.value(element));
    if (typeof value === 'object' && value !== null) return this.#object(value as Json);
    return typeof value === 'string' ? this.#text(value) : value;
  }

  #object(object: Json): unknown {
    const members = Object.entries(object)
      .filter(([name]) => !UNSEEN.includes(name))
      .map(([name, value]) => [name, this.#member(name, value, object)] as const)
      .filter(([, value]) => !saysNothing(value))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(members);
  }

  #member(name: string, value: unknown, parent: Json): unknown {
    // A port of a Node that nobody set.
    if (name === 'Port' && value === 0) return undefined;
    // Checked twice, and said twice.
    if (name === 'causes' && Array.isArray(value))
      return unique(value.map((each) => this.value(each)));
    if (typeof value !== 'string') return this.value(value);
    if (name === 'continue') return value === '' ? '' : '<token>';
    if (name === 'resourceVersion') {
      // Of a list or a bookmark: other writers raise it as well.
      if (parent.name === undefined) return '<revision>';
      return named(this.#revisions, value, 'revision');
    }
    if (name === 'message') return this.#message(value);
    return this.#text(value);
  }

  #text(text: string): string {
    if (TIME.test(text)) return '<time>';
    if (UID.test(text) && !text.startsWith('00000000')) return named(this.#uids, text, 'uid');
    return text.replace(/^(generated-)[a-z0-9]{5}$/i, '$1<five>');
  }

  #message(message: string): string {
    return message
      .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (uid) => this.#text(uid))
      .replace(/\b\d{2,}\b/g, (number) => this.#revisions.get(number) ?? number);
  }
}

function named(names: Map<string, string>, value: string, what: string): string {
  const name = names.get(value) ?? `<${what} ${names.size + 1}>`;
  names.set(value, name);
  return name;
}

const unique = (values: readonly unknown[]): readonly unknown[] =>
  [...new Set(values.map((value) => JSON.stringify(value)))].map((text) => JSON.parse(text));

function saysNothing(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
