// Label and field selectors, as in `labelSelector=app in (a,b),!old` and
// `fieldSelector=metadata.name=x`. Parsed once per request into a predicate; text that does not
// parse, or a field that the kind does not offer, is refused with 400 as the real server does.

import type { Kind } from './kinds.ts';
import type { KubeObject } from './object.ts';
import { textAt } from './object.ts';
import { badRequest } from './status.ts';

export type Selector = (object: KubeObject) => boolean;

export type SelectorTexts = {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
};

/** Both selectors as one predicate; `undefined` when everything matches. */
export function parseSelectors(kind: Kind, texts: SelectorTexts): Selector | undefined {
  const terms = [
    ...splitTerms(texts.labelSelector ?? '').map(parseLabelTerm),
    ...splitTerms(texts.fieldSelector ?? '').map((term) => parseFieldTerm(kind, term)),
  ];
  return terms.length === 0 ? undefined : (object) => terms.every((term) => term(object));
}

/** Splits at commas outside of parentheses; an empty text has no terms. */
function splitTerms(text: string): string[] {
  if (text.trim() === '') return [];
  return text.split(/,(?![^(]*\))/).map((term) => term.trim());
}

const KEY = '[A-Za-z0-9./_-]+';
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`);
const EQUALS = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*([A-Za-z0-9._-]*)$`);
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);

function parseLabelTerm(term: string): Selector {
  const label = (object: KubeObject, key: string): string | undefined => {
    const labels = object.metadata.labels;
    return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  };
  const [, negated, existing] = EXISTS.exec(term) ?? [];
  if (existing !== undefined) {
    return (object) => (label(object, existing) === undefined) === (negated === '!');
  }
  const [, key, operator, value] = EQUALS.exec(term) ?? [];
  if (key !== undefined) {
    return (object) => (label(object, key) === value) === (operator !== '!=');
  }
  const [, setKey, setOperator, list] = SET.exec(term) ?? [];
  if (setKey !== undefined && list !== undefined) {
    const values = new Set(list.split(',').map((item) => item.trim()));
    return (object) => {
      const found = label(object, setKey);
      return (found !== undefined && values.has(found)) === (setOperator === 'in');
    };
  }
  throw badRequest(`unable to parse requirement: "${term}" is not a label selector`);
}

function parseFieldTerm(kind: Kind, term: string): Selector {
  const [, path, operator, value] = /^([A-Za-z.]+)(==|=|!=)(.*)$/.exec(term) ?? [];
  if (path === undefined || value === undefined) {
    throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
  }
  const known = ['metadata.name', 'metadata.namespace', ...kind.selectableFields];
  if (!known.includes(path)) {
    // Kinds that offer fields of their own say it in other words.
    if (kind.selectableFields.length > 0) throw badRequest(`field label not supported: ${path}`);
    const names = known.map((field) => JSON.stringify(field)).join(', ');
    throw badRequest(`${JSON.stringify(path)} is not a known field selector: only ${names}`);
  }
  return (object) => (fieldText(object, path) === value) === (operator !== '!=');
}

/** Booleans that are absent select as `false`; an event's `source` is its component. */
function fieldText(object: KubeObject, path: string): string {
  if (path === 'source') return textAt(object, 'source.component');
  const text = textAt(object, path);
  const isBoolean = path === 'spec.unschedulable' || path === 'spec.hostNetwork';
  return text === '' && isBoolean ? 'false' : text;
}
