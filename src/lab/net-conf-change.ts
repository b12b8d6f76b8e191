// What `lab switch` makes of net-conf.json: another backend with the keys that were set for it, and
// further keys beside it. Keys of the backend that are not set take their defaults, since those of
// another type would mostly be wrong. Whether the outcome is right is the schema's business. Pure.

import { nearestOf } from '../config/keys.ts';
import { BACKEND_KEYS, TOP_KEYS } from '../config/schema.ts';
import { AppError } from '../lib/errors.ts';

export type BackendChange = {
  readonly type: string;
  /** By path: `Backend.VNI`, `VNI` for short, or a key beside `Backend`. */
  readonly settings: ReadonlyMap<string, unknown>;
};

const ALL_BACKEND_KEYS = [...new Set(Object.values(BACKEND_KEYS).flat())];
const PREFIX = /^backend\./i;

export function changeNetConf(text: string, { type, settings }: BackendChange): string {
  let document = parseObject(text);
  let backend: Record<string, unknown> = {};
  for (const [path, value] of settings) {
    const { isBackend, key } = placeOf(path);
    if (isBackend) backend = withKey(backend, key, value);
    else document = withKey(document, key, value);
  }
  document = withKey(document, 'Backend', withKey(backend, 'Type', type));
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Where a key belongs, in its usual spelling. One that nobody knows goes where it looks right. */
function placeOf(path: string): { readonly isBackend: boolean; readonly key: string } {
  const name = path.replace(PREFIX, '');
  if (name === '' || name.includes('.')) {
    const inside = ALL_BACKEND_KEYS.filter((key) => key !== 'Type').join(', ');
    const beside = TOP_KEYS.filter((key) => key !== 'Backend').join(', ');
    throw usage(path, `is no key: there are Backend.{${inside}} and ${beside}`);
  }
  const backendKey = ALL_BACKEND_KEYS.find((key) => isSame(key, name));
  const topKey = name === path ? TOP_KEYS.find((key) => isSame(key, name)) : undefined;
  if (topKey === 'Backend' || backendKey === 'Type') {
    throw usage(path, 'is what TYPE is for: set the keys of the backend one by one');
  }
  const looksTop =
    name === path &&
    nearestOf(name, ALL_BACKEND_KEYS) === undefined &&
    nearestOf(name, TOP_KEYS) !== undefined;
  if (backendKey !== undefined) return { isBackend: true, key: backendKey };
  if (topKey !== undefined) return { isBackend: false, key: topKey };
  return { isBackend: !looksTop, key: name };
}

/** Flannel matches keys without case. */
const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** A key that is there in another spelling is the same key. */
function withKey(
  object: Readonly<Record<string, unknown>>,
  key: string,
  value: unknown,
): Record<string, unknown> {
  const others = Object.entries(object).filter(([one]) => !isSame(one, key));
  return Object.fromEntries([...others, [key, value]]);
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError('LAB', 'read the configuration', 'what is there is not JSON', error);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new AppError('LAB', 'read the configuration', `it is no JSON object: ${text}`);
}

const usage = (path: string, why: string): AppError =>
  new AppError('USAGE', 'poplin lab switch', `--set ${path} ${why}`);
