// What nodes say of their health: it is read with care, silence is told from trouble, and the page
// shows both.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { renderOverview } from '../../../src/cli/overview-page.ts';
import { overviewOf } from '../../../src/cluster/overview.ts';
import { parseSummary } from '../../../src/cluster/summary.ts';

const PAGE = readFileSync(new URL('../../../docs/status.md', import.meta.url), 'utf8');
const EXAMPLE = /```json\n([^`]+)```/.exec(PAGE)?.[1] ?? '';
/** The example's moment. */
const NOW = new Date('2026-01-01T00:00:00Z');

test('the example of docs/status.md is a summary, with every member', () => {
  const parsed = parseSummary(EXAMPLE);
  assert.ok(parsed.kind === 'ok', JSON.stringify(parsed));
  assert.deepEqual(parsed.summary, JSON.parse(EXAMPLE));
});

test('what is no summary concerns its node alone, and is named', () => {
  for (const text of ['', '{', '[]', '{"v":2}', EXAMPLE.replace('"ready": true', '"ready": 1')]) {
    assert.equal(parseSummary(text).kind, 'malformed', text);
  }
  const { nodes } = overviewOf(
    new Map([
      ['b', '{"v":2}'],
      ['a', EXAMPLE],
    ]),
    NOW,
  );
  assert.deepEqual(
    nodes.map(({ name, state }) => [name, state]),
    [
      ['a', 'ready'],
      ['b', 'unknown'],
    ],
  );
  assert.match(nodes[1]?.problems.join() ?? '', /not understood: .* at v/);
});

test('a node is silent once its word has ended, and not before', () => {
  const { withinSeconds } = JSON.parse(EXAMPLE) as { withinSeconds: number };
  const after = (seconds: number) =>
    overviewOf(new Map([['a', EXAMPLE]]), new Date(NOW.getTime() + seconds * 1000)).nodes[0];
  assert.equal(after(withinSeconds + 29)?.state, 'ready');
  assert.equal(after(withinSeconds + 31)?.state, 'silent');
  assert.deepEqual(after(3_600)?.problems, ['silent since 2026-01-01T00:00:00.000Z']);
  assert.equal(after(-3_600)?.state, 'ready', 'a clock that is ahead is no silence');
});

test('the page has a row for each node and names what is wrong', () => {
  const bad = { ...JSON.parse(EXAMPLE), ready: false, problems: ['no free subnet'], subnets: [] };
  const texts = new Map([
    ['node1', EXAMPLE],
    ['node10', undefined],
    ['node2', JSON.stringify(bad)],
  ]);
  const lines = renderOverview(overviewOf(texts, new Date(NOW.getTime() + 5_000))).split('\n');
  assert.match(
    lines[0] ?? '',
    /^NODE +STATE +PODS +PEERS +BACKEND +CONFIG +SUBNETS +VERSION +HEARD$/,
  );
  assert.match(lines[1] ?? '', /^node1 +ready +12 +2: 1 silent +vxlan .* 5 s ago$/);
  assert.match(lines[2] ?? '', /^node2 +NOT READY +12 .* NONE /);
  assert.match(lines[3] ?? '', /^node10 +UNKNOWN( +-){6} +never$/);
  assert.deepEqual(lines.slice(4), [
    '  ! node2: no free subnet',
    '  ! node10: it has published nothing: no agent runs there, or one that does not publish',
    '1 of 3 nodes are ready',
    '',
  ]);
});
