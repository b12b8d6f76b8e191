// The page in the browser: asks the agent for the cluster every two seconds and shows it. It sends
// nothing but that request, stores nothing, and puts whatever it is told into the document as text,
// never as markup. What is shown is computed in model.ts.

import type { ClusterOverview, NodeRow } from '../cluster/overview.ts';
import { MatrixGrid } from './grid.ts';
import type { Cell } from './model.ts';
import {
  agoWords,
  eventsOf,
  matrixOf,
  pathRows,
  shownNodes,
  stateWords,
  summaryWords,
} from './model.ts';
import { drawPicture } from './picture.ts';

const EVERY_MS = 2_000;
const TIMEOUT_MS = 10_000;

function byId<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id) as Element | null;
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

class Page {
  readonly #summary = byId('summary', HTMLElement);
  readonly #freshness = byId('freshness', HTMLElement);
  readonly #picture = byId('picture', SVGSVGElement);
  readonly #from = byId('from', HTMLSelectElement);
  readonly #grid = new MatrixGrid(byId('matrix', HTMLTableElement), (cell) => this.#choose(cell));
  #overview: ClusterOverview | undefined;
  #chosen: Cell | undefined;

  constructor() {
    this.#from.addEventListener('change', () => {
      this.#chosen = undefined;
      this.#showPaths();
    });
  }

  async run(): Promise<never> {
    for (;;) {
      try {
        const answer = await fetch('cluster.json', { signal: AbortSignal.timeout(TIMEOUT_MS) });
        if (!answer.ok) throw new Error(`the agent answered ${answer.status}`);
        this.#show((await answer.json()) as ClusterOverview);
      } catch (error) {
        this.#showTrouble(error);
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  #show(overview: ClusterOverview): void {
    this.#overview = overview;
    const rows = shownNodes(overview);
    const matrix = matrixOf(rows);
    setText(this.#summary, summaryWords(overview));
    setText(this.#freshness, `as of ${new Date(overview.at).toLocaleTimeString()}`);
    drawPicture(this.#picture, rows, matrix);
    this.#showNodes(overview);
    this.#grid.show(matrix);
    const left = overview.nodes.length - rows.length;
    const note = left > 0 ? `${left} nodes without a fault are not shown` : '';
    setText(byId('matrix-note', HTMLElement), note);
    this.#showChoices(overview.nodes);
    this.#showPaths();
    this.#showEvents(overview);
  }

  /** What was shown stays, and says how old it is. */
  #showTrouble(error: unknown): void {
    const since = this.#overview === undefined ? '' : `; last heard ${this.#ago()}`;
    const reason = error instanceof Error ? error.message : String(error);
    setText(this.#summary, `The agent does not answer${since}`);
    setText(this.#freshness, reason);
  }

  #ago(): string {
    return agoWords(this.#overview?.at ?? '', new Date().toISOString());
  }

  #showNodes({ nodes, at }: ClusterOverview): void {
    const body = bodyOf('nodes');
    replaceRows(
      body,
      shownNodes({ schema: 1, at, nodes }).map((row) => {
        const words = stateWords(row, nodes);
        const level = words === 'ready' ? 'well' : words === 'unknown' ? 'unknown' : 'silent';
        const { summary, heardAt, problems } = row;
        return [
          { text: row.name, isHeader: true },
          { text: words, name: level },
          { text: String(summary?.pods ?? '–') },
          { text: `${summary?.backend || '–'}${summary?.configInvalid ? ', newer INVALID' : ''}` },
          { text: summary?.subnets.join(', ') || '–' },
          { text: summary?.version ?? '–' },
          { text: heardAt === undefined ? 'never' : agoWords(heardAt, at) },
          { text: problems.join('; '), name: 'words' },
        ];
      }),
    );
  }

  #showChoices(nodes: readonly NodeRow[]): void {
    const names = nodes.map(({ name }) => name);
    const shown = [...this.#from.options].map(({ value }) => value);
    if (JSON.stringify(names) === JSON.stringify(shown)) return;
    const before = this.#from.value;
    this.#from.replaceChildren(...names.map((name) => new Option(name)));
    if (names.includes(before)) this.#from.value = before;
  }

  #choose(cell: Cell): void {
    this.#chosen = cell;
    this.#from.value = cell.from;
    this.#showPaths();
    setText(byId('matrix-note', HTMLElement), cell.label);
    byId('matrix-note', HTMLElement).setAttribute('role', 'status');
  }

  #showPaths(): void {
    const row = this.#overview?.nodes.find(({ name }) => name === this.#from.value);
    const chosen = this.#chosen;
    const rows = pathRows(row);
    // Of a pair that was chosen its paths alone, until another node is.
    const shown = chosen === undefined ? rows : rows.filter(({ peer }) => peer === chosen.to);
    replaceRows(
      bodyOf('paths'),
      (shown.length > 0 ? shown : rows).map(({ peer, level, cells }) => [
        { text: peer, isHeader: true },
        ...cells.map((text) => ({ text, name: level })),
      ]),
    );
  }

  #showEvents(overview: ClusterOverview): void {
    const lines = eventsOf(overview).map(({ at, node, type, reason, message }) => ({
      isWarning: type === 'Warning',
      text: `${new Date(at).toLocaleString()}, ${node}, ${type} ${reason}: ${message}`,
    }));
    const list = byId('events', HTMLElement);
    const texts = lines.length > 0 ? lines : [{ isWarning: false, text: 'nothing to tell' }];
    if (
      [...list.children].map(({ textContent }) => textContent).join() ===
      texts.map(({ text }) => text).join()
    )
      return;
    list.replaceChildren(
      ...texts.map(({ text, isWarning }) => {
        const item = document.createElement('li');
        item.textContent = text;
        if (isWarning) item.className = 'warning';
        return item;
      }),
    );
  }
}

type CellText = { readonly text: string; readonly name?: string; readonly isHeader?: true };

function bodyOf(id: string): HTMLTableSectionElement {
  const [body] = byId(id, HTMLTableElement).tBodies;
  if (body === undefined) throw new Error(`the table ${id} has no body`);
  return body;
}

function replaceRows(body: HTMLTableSectionElement, rows: readonly (readonly CellText[])[]): void {
  body.replaceChildren(
    ...rows.map((cells) => {
      const row = document.createElement('tr');
      row.append(
        ...cells.map(({ text, name, isHeader }) => {
          const cell = document.createElement(isHeader === true ? 'th' : 'td');
          if (cell.tagName === 'TH') cell.setAttribute('scope', 'row');
          cell.textContent = text;
          if (name !== undefined) cell.className = name;
          return cell;
        }),
      );
      return row;
    }),
  );
}

/** A live region that is told the same again would be read out again. */
function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

void new Page().run();
