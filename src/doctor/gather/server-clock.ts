// By how much this node's wall clock is ahead of a server's: the header Date of an HTTP answer
// tells the second in which the server gave it, and that was between two looks at our own clock.

import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../lib/clock.ts';

/** Undefined where the server does not say; rejects with what `ask` rejects with. */
export async function askTime(
  clock: Clock,
  ask: () => Promise<IncomingMessage>,
): Promise<number | undefined> {
  const beforeMs = clock.now().getTime();
  const response = await ask();
  const afterMs = clock.now().getTime();
  response.resume();
  const serverMs = Date.parse(response.headers.date ?? '');
  return Number.isNaN(serverMs) ? undefined : (beforeMs + afterMs) / 2 - serverMs;
}
