// What the real server refuses in the metadata of any object, with its fields and words
// (apimachinery/pkg/api/validation): names, labels, annotations, finalizers and owners. Pure: a
// problem is returned, who asks knows of which object it is.

import type { Kind } from './kinds.ts';
import { NAMESPACES } from './kinds.ts';
import type { ObjectMeta } from './object.ts';

export type Problem = { readonly field: string; readonly problem: string };

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const WORD = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const WORD_RULE = "alphanumeric characters, '-', '_' or '.'";
const ENDS = 'and must start and end with an alphanumeric character';

/** `what` has this form; the words of the real server when it has not. */
type Form = { readonly pattern: string; readonly words: string; readonly longest: number };

const DNS_LABEL: Form = {
  pattern: LABEL,
  words:
    `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ${ENDS}` +
    " (e.g. 'my-name',  or '123-abc',",
  longest: 63,
};

const DNS_SUBDOMAIN: Form = {
  pattern: SUBDOMAIN,
  words:
    'a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters,' +
    ` '-' or '.', ${ENDS} (e.g. 'example.com',`,
  longest: 253,
};

const NAME_PART: Form = {
  pattern: WORD,
  words: `must consist of ${WORD_RULE}, ${ENDS} (e.g. 'MyName',  or 'my.name',  or '123-abc',`,
  longest: 63,
};

const LABEL_VALUE: Form = {
  pattern: `(${WORD})?`,
  words:
    `a valid label must be an empty string or consist of ${WORD_RULE}, ${ENDS}` +
    " (e.g. 'MyValue',  or 'my_value',  or '12345',",
  longest: 63,
};

const CONFIG_KEY: Form = {
  pattern: '[-._a-zA-Z0-9]+',
  words: `a valid config key must consist of ${WORD_RULE} (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name',`,
  longest: 253,
};

function misfit(form: Form, text: string): string | undefined {
  if (text.length > form.longest) return `must be no more than ${form.longest} characters`;
  if (new RegExp(`^${form.pattern}$`).test(text)) return undefined;
  return `${form.words} regex used for validation is '${form.pattern}')`;
}

const invalidValue = (field: string, value: string, why: string): Problem => ({
  field,
  problem: `Invalid value: ${JSON.stringify(value)}: ${why}`,
});

export function nameProblem(kind: Kind, name: string): Problem | undefined {
  const why = misfit(kind === NAMESPACES ? DNS_LABEL : DNS_SUBDOMAIN, name);
  return why === undefined ? undefined : invalidValue('metadata.name', name, why);
}

export function configKeyProblem(key: string): Problem | undefined {
  const why = misfit(CONFIG_KEY, key);
  return why === undefined ? undefined : invalidValue(`data[${key}]`, key, why);
}

/** The first of all that is wrong. */
export const metadataProblem = (metadata: ObjectMeta): Problem | undefined =>
  labelProblem(metadata.labels ?? {}) ??
  annotationProblem(metadata.annotations ?? {}) ??
  finalizerProblem(metadata.finalizers ?? []) ??
  ownerProblem(metadata.ownerReferences ?? []);

function labelProblem(labels: Readonly<Record<string, string>>): Problem | undefined {
  for (const [key, value] of Object.entries(labels)) {
    const wrongKey = keyProblem(key);
    if (wrongKey !== undefined) return invalidValue('metadata.labels', key, wrongKey);
    const wrongValue = misfit(LABEL_VALUE, value);
    if (wrongValue !== undefined) return invalidValue('metadata.labels', value, wrongValue);
  }
  return undefined;
}

/** Of all keys and values together. */
const LARGEST_ANNOTATIONS_BYTES = 256 * 1024;

function annotationProblem(annotations: Readonly<Record<string, string>>): Problem | undefined {
  const field = 'metadata.annotations';
  let sizeBytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    const wrong = keyProblem(key.toLowerCase());
    if (wrong !== undefined) return invalidValue(field, key, wrong);
    sizeBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (sizeBytes <= LARGEST_ANNOTATIONS_BYTES) return undefined;
  return { field, problem: `Too long: must have at most ${LARGEST_ANNOTATIONS_BYTES} bytes` };
}

/** A name with an optional prefix: `poplin.dev/advert`. */
function keyProblem(key: string): string | undefined {
  const parts = key.split('/');
  const [first = '', second] = parts;
  if (parts.length > 2) {
    return (
      `a qualified name ${NAME_PART.words} regex used for validation is '${WORD}') with an` +
      " optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
    );
  }
  if (second !== undefined) {
    const wrong = first === '' ? 'must be non-empty' : misfit(DNS_SUBDOMAIN, first);
    if (wrong !== undefined) return `prefix part ${wrong}`;
  }
  const name = second ?? first;
  const wrong = name === '' ? 'must be non-empty' : misfit(NAME_PART, name);
  return wrong === undefined ? undefined : `name part ${wrong}`;
}

const STANDARD_FINALIZERS = ['orphan', 'foregroundDeletion', 'kubernetes'];

function finalizerProblem(finalizers: readonly string[]): Problem | undefined {
  for (const [index, finalizer] of finalizers.entries()) {
    const field = `metadata.finalizers[${index}]`;
    const wrong = keyProblem(finalizer);
    if (wrong !== undefined) return invalidValue(field, finalizer, wrong);
    if (!finalizer.includes('/') && !STANDARD_FINALIZERS.includes(finalizer)) {
      const why = 'name is neither a standard finalizer name nor is it fully qualified';
      return invalidValue(field, finalizer, why);
    }
  }
  return undefined;
}

function ownerProblem(owners: NonNullable<ObjectMeta['ownerReferences']>): Problem | undefined {
  const members = [
    ['apiVersion', 'version'],
    ['kind', 'kind'],
    ['name', 'name'],
    ['uid', 'uid'],
  ] as const;
  for (const owner of owners) {
    const absent = members.find(([member]) => (owner[member] ?? '') === '');
    if (absent === undefined) continue;
    const [member, what] = absent;
    return invalidValue(`metadata.ownerReferences.${member}`, '', `${what} must not be empty`);
  }
  return undefined;
}
