// The cluster as a picture: nodes on an ellipse, a line for each pair in the worse of its two
// directions. What it shows is in the tables as words; to a screen reader it is one image.

import type { NodeRow } from '../cluster/overview.ts';
import type { Cell, Level } from './model.ts';
import { stateWords } from './model.ts';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 640;
const HEIGHT = 400;
const MARGIN = 60;
const RADIUS = 12;
/** Names of more nodes would lie on each other. */
const NAMED_MAX = 24;
const RANK: readonly (Level | 'self')[] = [
  ...(['self', 'well', 'slow', 'unknown', 'lossy', 'silent', 'none'] as const),
];

type Place = { readonly x: number; readonly y: number };

export function drawPicture(
  picture: Element,
  rows: readonly NodeRow[],
  matrix: readonly (readonly Cell[])[],
): void {
  const places = rows.map((_, index) => placeOf(index, rows.length));
  const lines = rows.flatMap((_, a) =>
    rows.slice(a + 1).map((__, offset) => {
      const b = a + 1 + offset;
      const level = worse(matrix[a]?.[b]?.level ?? 'unknown', matrix[b]?.[a]?.level ?? 'unknown');
      return lineOf(places[a], places[b], level);
    }),
  );
  const nodes = rows.flatMap((row, index) => nodeOf(row, rows, places[index]));
  picture.replaceChildren(...lines, ...nodes);
  const states = rows.slice(0, NAMED_MAX).map((row) => `${row.name} ${stateWords(row, rows)}`);
  picture.setAttribute('aria-label', `Picture of ${rows.length} nodes: ${states.join(', ')}`);
}

function placeOf(index: number, count: number): Place {
  const angle = (index / count) * 2 * Math.PI - Math.PI / 2;
  const round = (value: number): number => Math.round(value * 10) / 10;
  const x = round(WIDTH / 2 + (WIDTH / 2 - MARGIN) * Math.cos(angle));
  return { x, y: round(HEIGHT / 2 + (HEIGHT / 2 - MARGIN) * Math.sin(angle)) };
}

const worse = (a: Level | 'self', b: Level | 'self'): Level | 'self' =>
  RANK.indexOf(a) > RANK.indexOf(b) ? a : b;

const ORIGIN: Place = { x: 0, y: 0 };

function lineOf(from = ORIGIN, to = ORIGIN, level: Level | 'self'): Element {
  return element('line', { x1: from.x, y1: from.y, x2: to.x, y2: to.y, class: level });
}

function nodeOf(row: NodeRow, rows: readonly NodeRow[], { x, y } = ORIGIN): readonly Element[] {
  const words = stateWords(row, rows);
  const level = words === 'ready' ? 'well' : words === 'unknown' ? 'unknown' : 'silent';
  const circle = element('circle', { cx: x, cy: y, r: RADIUS, class: level });
  if (rows.length > NAMED_MAX) return [circle];
  const isAbove = y < HEIGHT / 2;
  const name = element('text', { x, y: isAbove ? y - RADIUS - 8 : y + RADIUS + 20 });
  name.textContent = words === 'ready' ? row.name : `${row.name} (${words})`;
  return [circle, name];
}

function element(name: string, attributes: Readonly<Record<string, string | number>>): Element {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
