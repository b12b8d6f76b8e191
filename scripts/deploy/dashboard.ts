// The dashboard for Grafana: rows of panels, each with its queries. `$node` is the variable of the
// nodes that are looked at. What the metrics mean is in docs/metrics.md.

import type { Panel } from './dashboard-rows.ts';
import { ROWS } from './dashboard-rows.ts';
import type { Json } from './parameters.ts';

/** All queries, as they are in the file. */
export const dashboardQueries = (): readonly string[] =>
  ROWS.flatMap(({ panels }) => panels).flatMap(({ queries }) => queries.map(({ expr }) => expr));

const COLUMNS = 24;
const WIDTH = 8;
const HEIGHT = 8;

export function dashboard(): Json {
  const panels: Json[] = [];
  let y = 0;
  let id = 0;
  for (const row of ROWS) {
    id += 1;
    panels.push({
      ...{ type: 'row', id, title: row.title, collapsed: false, panels: [] },
      gridPos: { h: 1, w: COLUMNS, x: 0, y },
    });
    y += 1;
    row.panels.forEach((panel, index) => {
      id += 1;
      const x = (index * WIDTH) % COLUMNS;
      const line = Math.floor((index * WIDTH) / COLUMNS);
      panels.push(panelOf(panel, id, { h: HEIGHT, w: WIDTH, x, y: y + line * HEIGHT }));
    });
    y += Math.ceil((row.panels.length * WIDTH) / COLUMNS) * HEIGHT;
  }
  return {
    ...{ uid: 'poplin', title: 'Poplin', tags: ['kubernetes', 'network'], schemaVersion: 39 },
    ...{ editable: true, refresh: '30s', time: { from: 'now-1h', to: 'now' } },
    templating: { list: VARIABLES },
    panels,
  };
}

/** Grafana's words for the variable. */
const DATASOURCE = { type: 'prometheus', uid: `${'$'}{datasource}` } as const;

const VARIABLES: readonly Json[] = [
  { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' },
  {
    ...{ name: 'node', type: 'query', label: 'Node', multi: true, includeAll: true },
    ...{ allValue: '.*', current: { text: 'All', value: '$__all' }, refresh: 2 },
    ...{ datasource: DATASOURCE, query: 'label_values(poplin_ready, instance)' },
  },
];

const panelOf = (
  { title, about, kind, unit, queries }: Panel,
  id: number,
  gridPos: Json,
): Json => ({
  ...{ id, type: kind, title, description: about, gridPos, datasource: DATASOURCE },
  fieldConfig: { defaults: { unit }, overrides: [] },
  targets: queries.map(({ expr, legend }, index) => ({
    ...{ refId: String.fromCharCode('A'.charCodeAt(0) + index), datasource: DATASOURCE },
    ...{ expr, legendFormat: legend },
    ...(kind === 'timeseries' ? {} : { instant: true }),
    ...(kind === 'table' ? { format: 'table' } : {}),
  })),
});
