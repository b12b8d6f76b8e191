// What a suite is: it gets a stage that somebody else clears, and returns its measures.

import type { Measure } from './measure.ts';
import type { Stage } from './stage.ts';

export type SuiteContext = {
  readonly stage: Stage;
  /** A line on the terminal: what is done now. */
  note(text: string): void;
};

export type Suite = (context: SuiteContext) => Promise<Measure[]>;
