// The prober of `lab switch` as a process of its own, so that nothing which the command or a test
// does beside it delays a probe. It gets its plan as the first line of its input, says `ready` when
// it has begun to count, and at the next line, or without one at the end of its input, it ends. Its
// result is a line of JSON. Not for people.

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { MeasurementPlan, MeasurementResult } from './prober/measurement.ts';
import { Measurement } from './prober/measurement.ts';
import { takePrecedence } from './prober/priority.ts';

/** What the prober says, one a line. */
export type ProberWord =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly result: MeasurementResult };

export type ProberProcessParts = {
  readonly input: Readable;
  readonly say: (line: string) => void;
  readonly clock: Clock;
  readonly random: () => number;
};

const RUN_MAX = 2 ** 31;

export async function runProberProcess(parts: ProberProcessParts): Promise<void> {
  const reader = createInterface({ input: parts.input });
  takePrecedence();
  try {
    await measureFor(reader[Symbol.asyncIterator](), parts);
  } finally {
    // An open input would keep the process.
    reader.close();
    parts.input.destroy();
  }
}

async function measureFor(
  lines: AsyncIterator<string>,
  { clock, random, say: sayLine }: ProberProcessParts,
): Promise<void> {
  const say = (word: ProberWord): void => sayLine(`${JSON.stringify(word)}\n`);
  const first = await lines.next();
  if (first.done === true) throw new AppError('LAB', 'measure', 'the prober was given no plan');
  // From this very program.
  const plan = JSON.parse(first.value) as MeasurementPlan;
  const run = Math.floor(random() * RUN_MAX);
  const measurement = await Measurement.open(plan, clock, run);
  try {
    const finished = new AbortController();
    const gone = new AbortController();
    void lines.next().then(async ({ done }) => {
      finished.abort();
      // Whoever asked is gone and waits for nothing.
      if (done === true || (await lines.next()).done === true) gone.abort();
    });
    await measurement.probe(() => say({ kind: 'ready' }), finished.signal);
    const result = await measurement.result(gone.signal);
    if (!gone.signal.aborted) say({ kind: 'result', result });
  } finally {
    await measurement.close();
  }
}
