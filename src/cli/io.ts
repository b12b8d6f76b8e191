// What a command may do with the outside: print. Commands return their exit code; only main.ts ends
// the process.

export type CommandIo = {
  out(text: string): void;
  err(text: string): void;
};

/** Exit codes of every command (0: fine). */
export const EXIT_OK = 0;
export const EXIT_CHECK_FAILED = 1;
export const EXIT_USAGE = 2;
