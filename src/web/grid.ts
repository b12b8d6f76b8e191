// The matrix as a grid in the sense of ARIA: one stop of the Tab key, arrow keys move within, Enter
// chooses. Cells stay the same elements as long as the nodes are the same, so that the focus stays
// where it is while values change.

import type { Cell } from './model.ts';

export class MatrixGrid {
  readonly #table: HTMLTableElement;
  readonly #choose: (cell: Cell) => void;
  #names = '';
  #cells: HTMLTableCellElement[][] = [];
  #matrix: readonly (readonly Cell[])[] = [];
  #at = { row: 0, column: 1 };

  constructor(table: HTMLTableElement, choose: (cell: Cell) => void) {
    this.#table = table;
    this.#choose = choose;
    table.setAttribute('role', 'grid');
    table.addEventListener('keydown', (event) => this.#onKey(event));
    table.addEventListener('click', (event) => this.#onClick(event));
  }

  show(matrix: readonly (readonly Cell[])[]): void {
    this.#matrix = matrix;
    const names = JSON.stringify(matrix.map(([first]) => first?.from));
    if (names !== this.#names) {
      this.#names = names;
      this.#build(matrix);
    }
    matrix.forEach((row, rowIndex) => {
      row.forEach((cell, columnIndex) => {
        const element = this.#cells[rowIndex]?.[columnIndex];
        if (element === undefined || element.getAttribute('aria-label') === cell.label) return;
        element.className = cell.level;
        element.textContent = cell.text;
        element.setAttribute('aria-label', cell.label);
      });
    });
  }

  #build(matrix: readonly (readonly Cell[])[]): void {
    const hadFocus = this.#table.contains(document.activeElement);
    const head = document.createElement('thead');
    const corner = document.createElement('td');
    corner.textContent = 'from \\ to';
    const names = matrix.map(([first]) => first?.from ?? '');
    head.append(rowOf([corner, ...names.map((name) => headerOf(name, 'col'))]));
    const body = document.createElement('tbody');
    this.#cells = matrix.map((row) =>
      row.map(() => {
        const cell = document.createElement('td');
        cell.setAttribute('role', 'gridcell');
        cell.tabIndex = -1;
        return cell;
      }),
    );
    body.append(
      ...this.#cells.map((cells, index) => rowOf([headerOf(names[index] ?? '', 'row'), ...cells])),
    );
    this.#table.replaceChildren(head, body);
    this.#moveTo(this.#at.row, this.#at.column, hadFocus);
  }

  #onKey(event: KeyboardEvent): void {
    const { row, column } = this.#at;
    const steps: Readonly<Record<string, readonly [number, number]>> = {
      ...{ ArrowUp: [row - 1, column], ArrowDown: [row + 1, column] },
      ...{ ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1] },
      ...{ Home: [row, 0], End: [row, Number.POSITIVE_INFINITY] },
    };
    const step = steps[event.key];
    if (step !== undefined) this.#moveTo(step[0], step[1], true);
    else if (event.key === 'Enter' || event.key === ' ') this.#chooseAt();
    else return;
    event.preventDefault();
  }

  #onClick({ target }: MouseEvent): void {
    if (!(target instanceof HTMLTableCellElement)) return;
    for (const [row, cells] of this.#cells.entries()) {
      const column = cells.indexOf(target);
      if (column < 0) continue;
      this.#moveTo(row, column, true);
      this.#chooseAt();
    }
  }

  #chooseAt(): void {
    const cell = this.#matrix[this.#at.row]?.[this.#at.column];
    if (cell !== undefined) this.#choose(cell);
  }

  #moveTo(row: number, column: number, takesFocus: boolean): void {
    const last = this.#cells.length - 1;
    const within = (index: number): number => Math.max(0, Math.min(last, index));
    const before = this.#cells[this.#at.row]?.[this.#at.column];
    if (before !== undefined) before.tabIndex = -1;
    this.#at = { row: within(row), column: within(column) };
    const cell = this.#cells[this.#at.row]?.[this.#at.column];
    if (cell === undefined) return;
    cell.tabIndex = 0;
    if (takesFocus) cell.focus();
  }
}

function rowOf(cells: readonly Element[]): HTMLTableRowElement {
  const row = document.createElement('tr');
  row.append(...cells);
  return row;
}

function headerOf(text: string, scope: 'col' | 'row'): HTMLTableCellElement {
  const header = document.createElement('th');
  header.scope = scope;
  header.textContent = text;
  return header;
}
