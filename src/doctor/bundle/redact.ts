// Takes secrets out of a text before it leaves the node: those that are known, wherever they stand
// and also in base64, and whatever looks like one. Rather too much goes than too little. Pure.

const REMOVED = '[removed]';
/** Shorter ones are parts of ordinary words; what is shaped like a secret goes all the same. */
const KNOWN_MIN_LENGTH = 4;

/** Bounded, or a long word with many dashes would be gone through again from each of them. */
const KEY =
  '[\\w.-]{0,40}(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|client-key' +
  '|credential|authorization|auth-data|preshared)[\\w.-]{0,40}';

/** Keys whose values say where a secret is, or which one, and are none. */
const HARMLESS_KEY = /(?:File|Dir|-file|-dir|Name|Ref|SecretKeyRef|Audience|Expiration\w*)$/;

const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REMOVED],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, REMOVED],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{4,}/gi, `$1 ${REMOVED}`],
  [/(:\/\/[^\s:/@"']*):[^\s/@"']+@/g, `$1:${REMOVED}@`],
  // bird.conf: `password "…"`, `authentication … key "…"`; by `POPLIN_KEY = "…"` anybody could try
  // which passwords give the text the name that stands beside it and in status.
  [/\b(password|key|secret|\w*_KEY\s*=)\s+"[^"\n]*"/gi, `$1 "${REMOVED}"`],
];

/** `"key": "value"` of JSON, also where that is text inside of JSON, with `\\"` for each quote. */
const JSON_PAIR = new RegExp(
  `(\\\\*["'](${KEY})\\\\*["']\\s*:\\s*)` +
    '(?:"(?:[^"\\\\]|\\\\.)*"|(\\\\+)"[\\s\\S]{0,4096}?(?<!\\\\)\\3"|[\\w.+/=-]+)',
  'gi',
);
/** `key: value` of YAML, `key=value` of the shell and of command lines. */
const PLAIN_PAIR = new RegExp(
  `(^|[\\s{,;?&-])(${KEY})(\\s*[:=]\\s*)(?!["'\\[{]*\\s*$)([^\\s,;}&]+)`,
  'gim',
);

export function redact(text: string, secrets: readonly string[]): string {
  let left = text;
  for (const secret of formsOf(secrets)) left = left.replaceAll(secret, REMOVED);
  for (const [shape, replacement] of SHAPES) left = left.replace(shape, replacement);
  left = left.replace(JSON_PAIR, (...groups: string[]) => {
    const [whole = '', head = '', key = '', slashes = ''] = groups;
    return HARMLESS_KEY.test(key) ? whole : `${head}${slashes}"${REMOVED}${slashes}"`;
  });
  return left.replace(PLAIN_PAIR, (...groups: string[]) => {
    const [whole = '', before = '', key = '', sign = ''] = groups;
    const isClean = HARMLESS_KEY.test(key) || whole.includes(REMOVED);
    return isClean ? whole : `${before}${key}${sign}${REMOVED}`;
  });
}

/** As they are, in base64, and as they stand inside of JSON; the longest first. */
function formsOf(secrets: readonly string[]): readonly string[] {
  const forms = secrets
    .map((secret) => secret.trim())
    .filter(({ length }) => length >= KNOWN_MIN_LENGTH)
    .flatMap((secret) => [
      secret,
      Buffer.from(secret).toString('base64'),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      JSON.stringify(secret).slice(1, -1),
    ]);
  return [...new Set(forms)].toSorted((a, b) => b.length - a.length);
}
