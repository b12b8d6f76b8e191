// The API refuses the agents' token for several of their tries, as after a change of keys. A whole
// minute of it is in test/long.

import { test } from 'node:test';
import { refuseFor, untilTried } from './refused.ts';

const TRIES = 6;

test('an API that answers 401 takes nothing, is named, and the next token is taken', async (t) => {
  const recoveredMs = await refuseFor((lab) => untilTried(lab, TRIES));
  t.diagnostic(`all went on ${recoveredMs.toFixed(0)} ms after the new token`);
});
