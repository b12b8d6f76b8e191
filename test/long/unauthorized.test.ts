// An API that answers 401 for a whole minute: the pauses between tries have grown to their bound.

import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { refuseFor } from '../lab/refused.ts';

const REFUSED_MS = 60_000;

test('a minute of 401 takes nothing, is named, and the next token is taken', async (t) => {
  const recoveredMs = await refuseFor(() => systemClock.sleep(REFUSED_MS));
  t.diagnostic(`all went on ${recoveredMs.toFixed(0)} ms after the new token`);
});
