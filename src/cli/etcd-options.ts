// The flags of `poplin agent` that concern etcd: their defaults, and errors that name the flag, the
// value and what would be right. Files are named here and read elsewhere. Pure.

import type { EtcdOptions } from '../agent/options.ts';
import { usage, wrong } from './flag-errors.ts';
import { parseSeconds } from './seconds.ts';

export const ETCD_FLAGS = {
  'etcd-endpoints': { fallback: '', help: 'http://HOST:PORT or https://HOST:PORT, by commas' },
  'etcd-prefix': { fallback: '/coreos.com/network', help: 'where the keys are' },
  'etcd-ca-file': { fallback: '', help: "certificate that etcd's is signed by" },
  'etcd-cert-file': { fallback: '', help: 'client certificate' },
  'etcd-key-file': { fallback: '', help: "the client certificate's key" },
  'etcd-username': { fallback: '', help: 'user, where etcd asks for one' },
  'etcd-password-file': { fallback: '', help: "file with the user's password" },
  'etcd-lease-seconds': { fallback: '86400', help: 'how long a silent node keeps its subnet' },
  'etcd-lease-renew-margin-seconds': {
    ...{ fallback: '3600', help: 'how long before that it stops using it by itself' },
  },
} as const;

type EtcdFlag = keyof typeof ETCD_FLAGS;
type Value = (flag: EtcdFlag) => string;

/** etcd itself takes no shorter lease, and a renewal may wait for a timeout. */
const LEASE_SECONDS_MIN = 10;
/** etcd takes no longer one. */
const LEASE_SECONDS_MAX = 9_000_000_000;

export function parseEtcdOptions(value: Value): EtcdOptions {
  const endpoints = parseEndpoints(value('etcd-endpoints'));
  const certFile = value('etcd-cert-file');
  const keyFile = value('etcd-key-file');
  const caFile = value('etcd-ca-file');
  const isTls = endpoints[0]?.startsWith('https:') === true;
  refuseTlsFiles(isTls, { caFile, certFile });
  together(['etcd-cert-file', certFile], ['etcd-key-file', keyFile]);
  const username = value('etcd-username');
  const passwordFile = value('etcd-password-file');
  together(['etcd-username', username], ['etcd-password-file', passwordFile]);
  const leaseSeconds = parseSeconds('etcd-lease-seconds', value, [
    LEASE_SECONDS_MIN,
    LEASE_SECONDS_MAX,
  ]);
  const renewMarginSeconds = parseSeconds('etcd-lease-renew-margin-seconds', value, [
    1,
    Math.floor(leaseSeconds / 2),
  ]);
  return {
    ...{ endpoints, caFile, certFile, keyFile, username, passwordFile },
    ...{ leaseSeconds, renewMarginSeconds },
    prefix: parsePrefix(value('etcd-prefix')),
  };
}

const ENDPOINT_FORM = 'http://HOST:PORT or https://HOST:PORT, as https://10.0.0.1:2379';

function parseEndpoints(text: string): readonly string[] {
  const words = wordsOf(text);
  if (words.length === 0) {
    throw usage(`--etcd-endpoints is required with --datastore etcd: ${ENDPOINT_FORM}`);
  }
  const endpoints = words.map(parseEndpoint);
  if (new Set(endpoints.map((endpoint) => new URL(endpoint).protocol)).size > 1) {
    throw wrong('etcd-endpoints', text, 'of one kind: all http or all https');
  }
  return endpoints;
}

/** The port is written out: etcd's is not that of http, which a URL would leave out. */
function parseEndpoint(word: string): string {
  const match = /^(https?):\/\/(\[[0-9a-fA-F:.]+\]|[^/:@\s?#]+):(\d{1,5})\/?$/.exec(word);
  const port = Number(match?.[3] ?? '0');
  if (match === null || port < 1 || port > 65_535 || !URL.canParse(word)) {
    throw wrong('etcd-endpoints', word, ENDPOINT_FORM);
  }
  return `${match[1]}://${match[2]}:${port}`;
}

function refuseTlsFiles(isTls: boolean, files: { caFile: string; certFile: string }): void {
  if (isTls) return;
  for (const [flag, path] of [
    ['etcd-ca-file', files.caFile],
    ['etcd-cert-file', files.certFile],
  ] as const) {
    if (path !== '')
      throw usage(`--${flag} "${path}" is for endpoints of https, and these are http`);
  }
}

function together(one: readonly [EtcdFlag, string], other: readonly [EtcdFlag, string]): void {
  for (const [[flag, text], [missing, otherText]] of [
    [one, other],
    [other, one],
  ] as const) {
    if (text !== '' && otherText === '') throw usage(`--${flag} "${text}" needs --${missing} too`);
  }
}

function parsePrefix(text: string): string {
  const isRight = /^\/[\x21-\x7e]*[^/\s]\/?$/.test(text) && !text.includes('//');
  if (!isRight) throw wrong('etcd-prefix', text, 'a path, as /coreos.com/network');
  return text.replace(/\/$/, '');
}

const wordsOf = (text: string): readonly string[] =>
  text.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));
