// The logger that everything takes as a parameter. It is pino in production (main.ts builds it with
// a synchronous destination: a worker transport would cost 10 MiB a node) and silent in most tests.

import type { Logger as PinoLogger } from 'pino';
import { pino } from 'pino';

export type Log = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export const createLog = (level: LogLevel, fields: Record<string, string> = {}): Log =>
  pino(
    { level, base: fields, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 1, sync: true }),
  );

export const silentLog: Log = pino({ level: 'silent' });
