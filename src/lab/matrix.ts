// The result of a reachability check as text for a terminal: a matrix with senders as rows and
// receivers as columns, then what failed, one line per probe. Pure; the full facts are in the JSON.

import type { CheckResult, Endpoint, PairResult } from './check.ts';

/** Lines of failures that are shown; a lab that is broken altogether has thousands. */
const FAILURES_SHOWN_MAX = 30;

export function renderMatrix(result: CheckResult, endpoints: readonly Endpoint[]): string {
  const failed = result.pairs.filter(({ ok }) => !ok);
  const late = result.pairs.filter(({ ok, error }) => ok && error !== null);
  const lines = [
    ...renderTable(tableOf(result.pairs, endpoints)),
    '',
    summary(result.pairs, failed),
    ...renderList('Failed:', failed),
    ...renderList('Got through, but not at once:', late),
  ];
  return `${lines.join('\n')}\n`;
}

/** First row and first column are headings. Receivers go by number, so that columns stay narrow. */
function tableOf(pairs: readonly PairResult[], endpoints: readonly Endpoint[]): string[][] {
  const cells = new Map<string, { tried: number; ok: number }>();
  for (const { from, to, ok } of pairs) {
    const cell = cells.get(`${from} ${to}`) ?? { tried: 0, ok: 0 };
    cells.set(`${from} ${to}`, { tried: cell.tried + 1, ok: cell.ok + (ok ? 1 : 0) });
  }
  const heading = ['from \\ to', ...endpoints.map((_, index) => String(index + 1))];
  const rows = endpoints.map((from, index) => [
    `${index + 1} ${from.name}`,
    ...endpoints.map((to) => renderCell(cells.get(`${from.name} ${to.name}`))),
  ]);
  return [heading, ...rows];
}

function renderCell(cell: { readonly tried: number; readonly ok: number } | undefined): string {
  if (cell === undefined) return '-';
  return cell.ok === cell.tried ? 'ok' : `${cell.ok}/${cell.tried}`;
}

function renderTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function summary(pairs: readonly PairResult[], failed: readonly PairResult[]): string {
  if (pairs.length === 0) return 'Nothing to check: no pair has a family in common.';
  const families = [...new Set(pairs.map(({ family }) => FAMILY_TEXT[family]))].join(' and ');
  const kinds = 'UDP small and of full size, TCP';
  const verdict = failed.length === 0 ? 'all fine' : `${failed.length} failed`;
  return `${families}, ${kinds}: ${pairs.length} probes, ${verdict}.`;
}

const FAMILY_TEXT = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

function renderList(title: string, results: readonly PairResult[]): string[] {
  if (results.length === 0) return [];
  const shown = results.slice(0, FAILURES_SHOWN_MAX).map(renderResult);
  const rest = results.length - shown.length;
  return ['', title, ...shown, ...(rest === 0 ? [] : [`  and ${rest} more`])];
}

const renderResult = ({ from, to, family, protocol, bytes, error }: PairResult): string =>
  `  ${from} -> ${to}, ${FAMILY_TEXT[family]} ${protocol.toUpperCase()} of ${bytes} bytes: ` +
  (error ?? 'no reason known');
