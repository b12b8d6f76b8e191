// What happened last, for whoever has to understand a failing seed: the world's actions, what the
// agents logged, and every change of a kernel, each with its virtual time. Bounded; texts are made
// only when they are printed.

import type { Log } from '../../src/lib/log.ts';

export type TraceLine = {
  readonly atMs: number;
  readonly who: string;
  readonly what: () => string;
};

const LINES_MAX = 4000;

export class Trace {
  readonly #now: () => number;
  readonly #lines: TraceLine[] = [];
  readonly #echo: ((line: string) => void) | undefined;

  /** With `echo` every line is printed at once as well. */
  constructor(now: () => number, echo?: (line: string) => void) {
    this.#now = now;
    this.#echo = echo;
  }

  add(who: string, what: string | (() => string)): void {
    const line = {
      atMs: this.#now(),
      who,
      what: typeof what === 'string' ? () => what : what,
    };
    this.#lines.push(line);
    if (this.#lines.length >= 2 * LINES_MAX) this.#lines.splice(0, LINES_MAX);
    this.#echo?.(render(line));
  }

  last(count: number): string[] {
    return this.#lines.slice(-count).map(render);
  }

  /** A log whose lines go here; debug is left out, since kernels tell of their changes themselves. */
  logOf(who: string): Log {
    const at =
      (level: string) =>
      (fields: unknown, message?: string): void => {
        this.add(who, () => {
          const text = message ?? String(fields);
          return `${level}: ${text}${message === undefined ? '' : ` ${shown(fields)}`}`;
        });
      };
    const log = { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error') };
    return log as unknown as Log;
  }
}

const shown = (fields: unknown): string => {
  const text = JSON.stringify(fields, (_key, value: unknown) =>
    value instanceof Error ? value.message : value,
  );
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
};

const render = ({ atMs, who, what }: TraceLine): string =>
  `${(atMs / 1000).toFixed(3).padStart(9)}s  ${who.padEnd(12)} ${what()}`;
