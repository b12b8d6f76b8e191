// The port to a running BIRD, and how to open it over its control socket. What asks for it has a
// BIRD that runs now: when that one ends, `ended` resolves, every call rejects with an AppError
// BIRD, and the next BIRD is another one.

import { BirdCommands } from './commands.ts';
import type { ConnectionOptions } from './connection.ts';
import { BirdConnection } from './connection.ts';

export type Bird = Pick<
  BirdCommands,
  'status' | 'sessions' | 'constant' | 'routeCount' | 'check' | 'configure' | 'confirm' | 'undo'
> & {
  /** Resolves with the reason in words; never rejects. */
  readonly ended: Promise<string>;
  close(): void;
};

/** Rejects with AppError BIRD when none answers. */
export async function openBird(options: ConnectionOptions): Promise<Bird & BirdCommands> {
  const connection = await BirdConnection.open(options);
  return new BirdCommands(connection, options.stop);
}
