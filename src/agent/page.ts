// The web page of the cluster as the agent serves it: the files that scripts/build.sh has made, and
// the cluster by what nodes publish, with the own node as it is now. Read-only, nothing from
// elsewhere, and not for pages of others: a browser that was led here by a name of somebody else's
// (DNS rebinding) gets nothing.

import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import type { ClusterOverview } from '../cluster/overview.ts';
import { overviewOf } from '../cluster/overview.ts';
import { renderSummary } from '../cluster/summary.ts';
import type { Clock } from '../lib/clock.ts';
import type { Status } from './status.ts';
import { summaryOf } from './summary.ts';

const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

/** Nothing inline, nothing from elsewhere, no frames, no forms. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

export type PageViews = {
  /** Where the files are. */
  readonly directory: string;
  /** JSON of a ClusterOverview. */
  clusterText(): string;
};

/** Beside the bundle; the sources have theirs in dist. */
export const pageDirectory = (program: string): string =>
  program.endsWith('.ts')
    ? join(dirname(program), '..', 'dist', 'web')
    : join(dirname(program), 'web');

type PageAnswer = { readonly status: number; readonly type: string; readonly body: string };

/** undefined: the path is none of the page's. */
export async function answerPage(
  { directory, clusterText }: PageViews,
  path: string,
): Promise<PageAnswer | undefined> {
  if (path === '/cluster.json') {
    return { status: 200, type: 'application/json', body: `${clusterText()}\n` };
  }
  const name = path === '/' ? 'index.html' : path.slice(1);
  const type = TYPES[name];
  if (type === undefined) return undefined;
  try {
    return { status: 200, type, body: await readFile(join(directory, name), 'utf8') };
  } catch {
    const body = `the page is not built: no ${name} in ${directory}\n`;
    return { status: 500, type: 'text/plain; charset=utf-8', body };
  }
}

/** Of the agent's time at most this share goes into the page, however many people watch it. */
const REST_FOR_WORK = 10;

/** Of thousands of nodes the text takes a good part of a second: then it is somewhat old. */
export function pacedText(look: () => ClusterOverview, clock: Clock): () => string {
  let text = '';
  let untilMs = 0;
  return () => {
    const startMs = clock.monotonicMs();
    if (text !== '' && startMs < untilMs) return text;
    text = JSON.stringify(look());
    const endMs = clock.monotonicMs();
    untilMs = endMs + (endMs - startMs) * REST_FOR_WORK;
    return text;
  };
}

/** Whether a request for this host is meant for us: an address, or this machine by its own name. */
export function isOwnHost(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name === '' || name === 'localhost' || isIP(name) !== 0;
}

/** How long the own row holds: it is as of now. */
const OWN_SECONDS = 60;

export function clusterOf(
  status: Status,
  summaries: ReadonlyMap<string, string> | undefined,
  now: Date,
): ClusterOverview {
  const texts = new Map<string, string | undefined>();
  for (const { peer } of status.peers) texts.set(peer, undefined);
  for (const [name, text] of summaries ?? []) texts.set(name, text);
  const own = summaryOf(status, { at: now, withinSeconds: OWN_SECONDS });
  texts.set(status.node, renderSummary(own));
  return overviewOf(texts, now, status.source.problem);
}
