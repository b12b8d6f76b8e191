// Calls that are not made, each with what is used instead and the places where it may be made. They
// are searched in code without comments and strings. Below them are the exceptions from all rules
// of the tidy test: each has a reason, and one that is not needed any more fails the test.

export type Banned = {
  readonly name: string;
  readonly pattern: RegExp;
  readonly instead: string;
  /** Paths, or folders that end in `/`. */
  readonly allowed: readonly string[];
};

const SHELL = ['src/main.ts', 'src/cli/', 'src/lab/', 'test/', 'scripts/'];
/** The page runs in a browser, which has no other clock. */
const CLOCK = ['src/lib/clock.ts', 'src/web/page.ts', 'test/', 'scripts/'];

export const BANNED: readonly Banned[] = [
  {
    ...{ name: 'Date.now', pattern: /\bDate\.now\b/g, allowed: CLOCK },
    instead: 'clock.monotonicMs() for durations, clock.now() for stamps',
  },
  {
    ...{ name: 'new Date()', pattern: /\bnew Date\(\s*\)/g, allowed: CLOCK },
    instead: 'clock.now()',
  },
  {
    ...{ name: 'performance.now', pattern: /\bperformance\.now\b/g, allowed: CLOCK },
    instead: 'clock.monotonicMs()',
  },
  {
    name: 'timers',
    pattern: /(?<![.\w])(?:setTimeout|setInterval|setImmediate)\s*\(/g,
    instead: 'clock.sleep(delayMs, stop)',
    allowed: CLOCK,
  },
  {
    ...{ name: 'Math.random', pattern: /\bMath\.random\b/g, allowed: SHELL },
    instead: 'a random source as a parameter',
  },
  {
    ...{ name: 'process', pattern: /(?<![.\w'])process\.(?!abort\b)/g, allowed: SHELL },
    instead: 'a parameter: the shell alone knows the process',
  },
  {
    ...{ name: 'console', pattern: /(?<![.\w])console\./g, allowed: ['scripts/', 'test/bench/'] },
    instead: 'the log, or the output that the command line passes in',
  },
  {
    ...{ name: 'default export', pattern: /\bexport\s+default\b/g, allowed: [] },
    instead: 'a named export',
  },
  {
    ...{ name: 'any', pattern: /(?:[:<,|&]|\bas)\s*any\b(?!\s*[:(])/g, allowed: [] },
    instead: 'unknown, and a check',
  },
];

export type Exception = { readonly path: string; readonly rule: string; readonly reason: string };

export const EXCEPTIONS: readonly Exception[] = [
  {
    ...{ path: 'src/lib/errors.ts', rule: 'parameters' },
    reason: 'new AppError(code, operation, detail, cause) reads like the sentence that it becomes',
  },
  {
    ...{ path: 'cni/poplin.c', rule: 'file' },
    reason: 'a small program of one file is read, reviewed and built as one',
  },
];
