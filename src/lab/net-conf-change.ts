// What `lab switch` makes of net-conf.json: another backend with the keys that were set for it, and
// further keys beside it. Keys of the backend that are not set take their defaults, since those of
// another type would mostly be wrong. Whether the outcome is right is the schema's business. Pure.

import { BACKEND_KEYS, TOP_KEYS } from '../config/schema.ts';
import { AppError } from '../lib/errors.ts';

export type BackendChange = {
  readonly type: string;
  /** By path: `Backend.VNI`, `VNI` for short, or a key beside `Backend`. */
  readonly settings: ReadonlyMap<string, unknown>;
};

const PREFIX = 'backend.';

export function changeNetConf(text: string, { type, settings }: BackendChange): string {
  let document = parseObject(text);
  let backend: Record<string, unknown> = {};
  for (const [path, value] of settings) {
    const key = backendKeyOf(path);
    if (key === undefined) document = withKey(document, path, value);
    else backend = withKey(backend, key, value);
  }
  document = withKey(document, 'Backend', withKey(backend, 'Type', type));
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** `undefined`: the key stands beside `Backend`. */
function backendKeyOf(path: string): string | undefined {
  const lower = path.toLowerCase();
  const key = lower.startsWith(PREFIX) ? path.slice(PREFIX.length) : path;
  const isTop = TOP_KEYS.some((known) => known.toLowerCase() === lower);
  if (lower === 'backend' || key.toLowerCase() === 'type') {
    throw usage(path, 'is what TYPE is for: set the keys of the backend one by one');
  }
  if (key.includes('.') || key === '') {
    const keys = [...new Set(Object.values(BACKEND_KEYS).flat())].filter((one) => one !== 'Type');
    const beside = TOP_KEYS.filter((one) => one !== 'Backend');
    throw usage(path, `is no key: there are Backend.{${keys.join(', ')}}, ${beside.join(', ')}`);
  }
  return isTop ? undefined : key;
}

/** A key that is there in another spelling is the same key (Flannel matches without case). */
const withKey = (
  object: Readonly<Record<string, unknown>>,
  key: string,
  value: unknown,
): Record<string, unknown> => {
  const others = Object.entries(object).filter(([one]) => one.toLowerCase() !== key.toLowerCase());
  return Object.fromEntries([...others, [key, value]]);
};

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
