// What the page shows of what nodes publish: pairs, states and events, good and bad.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterOverview, NodeRow } from '../../../src/cluster/overview.ts';
import type { NodeSummary } from '../../../src/cluster/summary.ts';
import {
  agoWords,
  eventsOf,
  isHeardByNobody,
  matrixOf,
  pathRows,
  shownNodes,
  stateWords,
  summaryWords,
} from '../../../src/web/model.ts';

type Path = NodeSummary['paths'][number];

const AT = '2026-01-01T00:00:00.000Z';

function rowOf(name: string, paths: readonly Path[], changes: Partial<NodeSummary> = {}): NodeRow {
  const summary: NodeSummary = {
    ...{ v: 1, at: AT, withinSeconds: 60, version: '1', ready: true, problems: [] },
    ...{ backend: 'vxlan', config: 'abc', configInvalid: false, cluster: 'synced' },
    ...{ subnets: [], underlay: [], pods: 1, paths: [...paths], events: [] },
    peers: { total: paths.length, silent: 0, unreachable: 0, waiting: 0, isWhole: true },
    ...changes,
  };
  return { name, state: 'ready', problems: [], heardAt: AT, summary };
}

const path = (peer: string, changes: Partial<Record<number, Path[number]>> = {}): Path =>
  Object.assign([peer, 'ipv4', 'vxlan', 'answers', 0.21, 0] as Path, changes);

const overviewOf = (nodes: readonly NodeRow[]): ClusterOverview => ({ schema: 1, at: AT, nodes });

describe('the matrix', () => {
  const textOf = (one: Path): string => {
    const rows = [rowOf('a', [one]), rowOf('b', [path('a')])];
    const cell = matrixOf(rows)[0]?.[1];
    return `${cell?.level}: ${cell?.text}`;
  };

  test('says of each pair how long an echo takes, or what is wrong', () => {
    assert.equal(textOf(path('b')), 'well: 0.21 ms');
    assert.equal(textOf(path('b', { 4: 120.4 })), 'slow: 120 ms');
    assert.equal(textOf(path('b', { 5: 12 })), 'lossy: 0.21 ms, 12 % lost');
    assert.equal(textOf(path('b', { 3: 'silent', 5: 100 })), 'silent: silent');
    assert.equal(textOf(path('b', { 2: 'none', 3: 'untried' })), 'none: no path');
    assert.equal(textOf(path('b', { 3: 'untried', 4: null, 5: null })), 'unknown: untried');
    assert.equal(textOf(path('c')), 'unknown: ?');
  });

  test('of two families shows the worse, and names both', () => {
    const both = [path('b'), path('b', { 1: 'ipv6', 3: 'silent' })];
    const cell = matrixOf([rowOf('a', both), rowOf('b', [])])[0]?.[1];
    assert.equal(cell?.text, 'silent');
    assert.equal(cell?.label, 'a to b: ipv4 by vxlan: 0.21 ms; ipv6 by vxlan: silent');
  });

  test('of a node that names only faults, whoever is not named answers', () => {
    const peers = { total: 99, silent: 0, unreachable: 0, waiting: 0, isWhole: false };
    const row = rowOf('a', [], { peers });
    assert.equal(matrixOf([row, rowOf('b', [])])[0]?.[1]?.text, 'answers');
    const silent = { ...row, state: 'silent' } as const;
    assert.equal(matrixOf([silent, rowOf('b', [])])[0]?.[1]?.text, '?', 'its word is old');
  });
});

test('a node that nobody hears is dead before its own word has ended', () => {
  const dead = rowOf('c', [path('a'), path('b')]);
  const rows = [
    rowOf('a', [path('b'), path('c', { 3: 'silent' })]),
    rowOf('b', [path('a'), path('c', { 3: 'silent' })]),
    dead,
  ];
  assert.equal(stateWords(dead, rows), 'does not answer');
  assert.equal(summaryWords(overviewOf(rows)), '2 of 3 nodes are ready, 1 does not answer');
  const heard = [rows[0] ?? dead, rowOf('b', [path('c')]), dead];
  assert.equal(isHeardByNobody('c', heard), false, 'one hears it');
  assert.equal(isHeardByNobody('x', rows), false, 'nobody has tried');
});

test('while the datastore does not answer, nobody else is blamed', () => {
  const unheard = (name: string): NodeRow => ({
    ...{ ...rowOf(name, [path('a')]), state: 'unknown' },
  });
  const own = rowOf('a', [path('b'), path('c', { 3: 'silent' })]);
  const rows = [own, unheard('b'), unheard('c')];
  const overview = { ...overviewOf(rows), problem: 'GET /api: no answer' };
  assert.equal(
    summaryWords(overview),
    '1 of 3 nodes are ready, 1 unknown, 1 does not answer. ' +
      'Others may not be heard: GET /api: no answer',
  );
  const texts = matrixOf(rows).map((cells) => cells.map(({ text }) => text).join(' '));
  assert.deepEqual(texts, ['– 0.21 ms silent', '? – ?', '? ? –'], 'what was measured before');
});

test('of many nodes those with a fault come first', () => {
  const many = Array.from({ length: 100 }, (_, index) => rowOf(`n${index}`, []));
  many[90] = { ...rowOf('n90', []), state: 'not-ready' };
  const shown = shownNodes(overviewOf(many));
  assert.deepEqual([shown.length, shown[0]?.name], [64, 'n90']);
});

test('paths and events are those of the nodes, newest first', () => {
  assert.deepEqual(pathRows(rowOf('a', [path('b', { 2: 'none', 3: 'untried', 4: null })])), [
    { peer: 'b', level: 'none', cells: ['ipv4', 'no path', 'untried', '–', '0 %'] },
  ]);
  const event = (at: string) => ({ at, type: 'Warning' as const, reason: 'R', message: at });
  const rows = [
    rowOf('a', [], { events: [event('2026-01-01'), event('2026-01-03')] }),
    rowOf('b', [], { events: [event('2026-01-02')] }),
  ];
  assert.deepEqual(
    eventsOf(overviewOf(rows)).map(({ node, at }) => `${node} ${at}`),
    ['a 2026-01-03', 'b 2026-01-02', 'a 2026-01-01'],
  );
  assert.equal(agoWords('2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'), '60 s ago');
  assert.equal(agoWords('2026-01-01T00:00:00Z', '2026-01-01T03:00:00Z'), '3 h ago');
});
