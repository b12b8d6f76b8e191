// What the real server refuses in the metadata of any object, with its fields and words
// (apimachinery/pkg/api/validation): names, labels, annotations, finalizers and owners. Pure: a
// problem is returned, who asks knows of which object it is.

import type { Kind } from './kinds.ts';
import { NAMESPACES } from './kinds.ts';
import type { ObjectMeta } from './object.ts';
import type { Problem } from './status.ts';

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
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'," +
    ` ${ENDS}` +
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
  words:
    `a valid config key must consist of ${WORD_RULE}` +
    " (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name',",
  longest: 253,
};

/** Empty when it fits. */
function misfits(form: Form, text: string): string[] {
  const isTooLong = text.length > form.longest;
  const fits = new RegExp(`^${form.pattern}$`).test(text);
  return [
    ...(isTooLong ? [`must be no more than ${form.longest} characters`] : []),
    ...(fits ? [] : [`${form.words} regex used for validation is '${form.pattern}')`]),
  ];
}

const invalidValue = (field: string, value: string, why: string): Problem => ({
  field,
  problem: `Invalid value: ${JSON.stringify(value)}: ${why}`,
});

const invalidValues = (field: string, value: string, whys: readonly string[]): Problem[] =>
  whys.map((why) => invalidValue(field, value, why));

const formOfName = (kind: Kind): Form => (kind === NAMESPACES ? DNS_LABEL : DNS_SUBDOMAIN);

export const nameProblems = (kind: Kind, name: string): readonly Problem[] =>
  invalidValues('metadata.name', name, misfits(formOfName(kind), name));

/** Of a generated name; a dash at the end will not be at the end. */
export const prefixProblems = (kind: Kind, prefix: string): readonly Problem[] =>
  invalidValues(
    'metadata.generateName',
    prefix,
    misfits(formOfName(kind), prefix.replace(/-$/, 'a')),
  );

export const configKeyProblems = (key: string): readonly Problem[] =>
  invalidValues(`data[${key}]`, key, misfits(CONFIG_KEY, key));

/** All that is wrong. */
export const metadataProblems = (metadata: ObjectMeta): readonly Problem[] => [
  ...labelProblems(metadata.labels ?? {}),
  ...annotationProblems(metadata.annotations ?? {}),
  ...ownerProblems(metadata.ownerReferences ?? []),
  ...finalizerProblems(metadata.finalizers ?? []),
];

const labelProblems = (labels: Readonly<Record<string, string>>): Problem[] =>
  Object.entries(labels).flatMap(([key, value]) => [
    ...invalidValues('metadata.labels', key, keyProblems(key)),
    ...invalidValues('metadata.labels', value, misfits(LABEL_VALUE, value)),
  ]);

/** Of all keys and values together. */
const LARGEST_ANNOTATIONS_BYTES = 256 * 1024;

function annotationProblems(annotations: Readonly<Record<string, string>>): Problem[] {
  const field = 'metadata.annotations';
  const entries = Object.entries(annotations);
  const problems = entries.flatMap(([key]) =>
    invalidValues(field, key, keyProblems(key.toLowerCase())),
  );
  const sizeBytes = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (sizeBytes <= LARGEST_ANNOTATIONS_BYTES) return problems;
  const problem = `Too long: must have at most ${LARGEST_ANNOTATIONS_BYTES} bytes`;
  return [...problems, { field, problem }];
}

/** A name with an optional prefix: `poplin.dev/advert`. */
function keyProblems(key: string): string[] {
  const parts = key.split('/');
  const [first = '', second] = parts;
  if (parts.length > 2) {
    return [
      `a qualified name ${NAME_PART.words} regex used for validation is '${WORD}') with an` +
        " optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ];
  }
  const prefix = second === undefined ? undefined : first;
  return [
    ...(prefix === undefined ? [] : partProblems('prefix part', DNS_SUBDOMAIN, prefix)),
    ...partProblems('name part', NAME_PART, second ?? first),
  ];
}

function partProblems(part: string, form: Form, text: string): string[] {
  if (text === '' && part === 'prefix part') return [`${part} must be non-empty`];
  const problems = [...(text === '' ? ['must be non-empty'] : []), ...misfits(form, text)];
  return problems.map((problem) => `${part} ${problem}`);
}

const STANDARD_FINALIZERS = ['orphan', 'foregroundDeletion', 'kubernetes'];

const finalizerProblems = (finalizers: readonly string[]): Problem[] =>
  finalizers.flatMap((finalizer, index) => {
    const field = `metadata.finalizers[${index}]`;
    const wrong = keyProblems(finalizer);
    if (wrong.length > 0) return invalidValues(field, finalizer, wrong);
    if (finalizer.includes('/') || STANDARD_FINALIZERS.includes(finalizer)) return [];
    const why = 'name is neither a standard finalizer name nor is it fully qualified';
    return [invalidValue(field, finalizer, why)];
  });

const OWNER_MEMBERS = [
  ['apiVersion', 'version'],
  ['kind', 'kind'],
  ['name', 'name'],
  ['uid', 'uid'],
] as const;

const ownerProblems = (owners: NonNullable<ObjectMeta['ownerReferences']>): Problem[] =>
  owners.flatMap((owner) =>
    OWNER_MEMBERS.filter(([member]) => (owner[member] ?? '') === '').map(([member, what]) =>
      invalidValue(`metadata.ownerReferences.${member}`, '', `${what} must not be empty`),
    ),
  );
