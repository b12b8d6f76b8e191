// Rules that keep the project readable, as tests: budgets of files and functions, who may import
// whom, calls that are not made, and documents that must say what the code says. All rules are
// tables in test/tidy/, with the reason of each and of each exception.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Banned } from './tidy/banned.ts';
import { BANNED, EXCEPTIONS } from './tidy/banned.ts';
import { blank } from './tidy/blank.ts';
import { dependencyProblems, errorProblems, invariantProblems } from './tidy/documents.ts';
import type { FunctionSpan } from './tidy/functions.ts';
import { findFunctions, lineOf } from './tidy/functions.ts';
import { importProblems } from './tidy/imports.ts';
import type { SourceFile } from './tidy/sources.ts';
import { sourceFiles, typescriptFiles } from './tidy/sources.ts';

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 70;
const LINE_COLUMNS_MAX = 100;
const PARAMETERS_MAX = 3;
const HEADER_LENGTH_MIN = 20;

/** In parts, so that this file does not break its own rule. */
const LEFTOVER = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`, 'g');
/** The body of a group of tests is a list of them, not a function that anybody follows. */
const GROUPS = new Set(['describe', 'suite']);

/** What a test expects word for word is data: it is not broken to fit a line. */
const LONG_LITERAL = /(['"`/])(?:(?!\1).){60,}\1/;
const isTest = (path: string): boolean => path.startsWith('test/');

const used = new Set<string>();

const isException = (path: string, rule: string): boolean => {
  const found = EXCEPTIONS.some((one) => one.path === path && one.rule === rule);
  if (found) used.add(`${path} ${rule}`);
  return found;
};

type Find = (file: SourceFile) => readonly string[];

/** Fails with everything that `find` says about `files`, one line each. */
function check(rule: string, files: readonly SourceFile[], find: Find): void {
  const problems = files.flatMap((file) => {
    const found = find(file).map((text) => `${file.path}${text}`);
    return found.length === 0 || isException(file.path, rule) ? [] : found;
  });
  assert.equal(problems.join('\n'), '');
}

const linesOf = (file: SourceFile): readonly string[] => file.text.replace(/\n$/, '').split('\n');

/** The comment that a file begins with, after the line that names the interpreter. */
function headerOf({ text }: SourceFile): string {
  const rest = text.replace(/^#!.*\n/, '');
  return /^(?:(?:\/\/|#(?!include)).*\n)+|^\/\*[\s\S]*?\*\//.exec(rest)?.[0] ?? '';
}

function bannedIn({ path, code }: SourceFile, { pattern, instead, allowed }: Banned): string[] {
  if (allowed.some((place) => path === place || path.startsWith(place))) return [];
  return [...code.matchAll(pattern)].map(
    (match) => `:${lineOf(code, match.index)}: instead of ${match[0].trim()} use ${instead}`,
  );
}

describe('tidy', () => {
  test('there are files to look at', () => {
    assert.ok(sourceFiles.length > 50);
    for (const start of ['src/', 'test/', 'scripts/']) {
      assert.ok(
        sourceFiles.some(({ path }) => path.startsWith(start)),
        start,
      );
    }
  });

  test(`no file is longer than ${FILE_LINES_MAX} lines`, () => {
    check('file', sourceFiles, (file) => {
      const { length } = linesOf(file);
      return length > FILE_LINES_MAX ? [`: ${length} lines`] : [];
    });
  });

  test(`no line is longer than ${LINE_COLUMNS_MAX} columns`, () => {
    check('line', sourceFiles, (file) =>
      linesOf(file).flatMap((line, index) =>
        [...line].length > LINE_COLUMNS_MAX && !(isTest(file.path) && LONG_LITERAL.test(line))
          ? [`:${index + 1}: ${[...line].length} columns`]
          : [],
      ),
    );
  });

  const found = new Map<string, readonly FunctionSpan[]>();
  // Two tests ask for those of each file, and finding them takes longest of all here.
  const functionsOf = (code: string): readonly FunctionSpan[] => {
    const known = found.get(code) ?? findFunctions(code);
    found.set(code, known);
    return known;
  };

  test(`no function is longer than ${FUNCTION_LINES_MAX} lines`, () => {
    check('function', typescriptFiles, ({ code }) =>
      functionsOf(code)
        .filter(({ lines, argumentOf }) => lines > FUNCTION_LINES_MAX && !GROUPS.has(argumentOf))
        .map(({ name, line, lines }) => `:${line}: ${name} has ${lines} lines`),
    );
  });

  test(`no function has more than ${PARAMETERS_MAX} positional parameters`, () => {
    check('parameters', typescriptFiles, ({ code }) =>
      functionsOf(code)
        .filter(({ parameters }) => parameters > PARAMETERS_MAX)
        .map(({ name, line, parameters }) => `:${line}: ${name} has ${parameters}`),
    );
  });

  test('every file begins with a comment that says what it is for', () => {
    check('header', sourceFiles, (file) =>
      headerOf(file).length < HEADER_LENGTH_MIN ? [': no header comment'] : [],
    );
  });

  test('nothing is left over for later', () => {
    check('leftover', sourceFiles, ({ text }) =>
      [...text.matchAll(LEFTOVER)].map((match) => `:${lineOf(text, match.index)}: ${match[0]}`),
    );
  });

  for (const banned of BANNED) {
    test(`${banned.name} is used only where it may be`, () => {
      check(banned.name, typescriptFiles, (file) => bannedIn(file, banned));
    });
  }

  test('folders import only what the table allows', () => {
    check('imports', typescriptFiles, importProblems);
  });

  test('every exception is still needed', () => {
    const stale = EXCEPTIONS.filter(({ path, rule }) => !used.has(`${path} ${rule}`));
    assert.deepEqual(stale, []);
  });
});

describe('documents', () => {
  test('docs/errors.md has a section for each error code and no other', () => {
    assert.deepEqual(errorProblems(), []);
  });

  test('docs/decisions.md has a line for each runtime dependency and no other', () => {
    assert.deepEqual(dependencyProblems(), []);
  });

  test('docs/architecture.md numbers the invariants and names a test for each', () => {
    assert.deepEqual(invariantProblems(), []);
  });
});

describe('the scanner behind the rules', () => {
  test('sees through strings, templates, comments and regular expressions', () => {
    const text = [
      "const a = 'Date.now'; // Date.now",
      'const b = `x #{`Date.now` + f({ c: 1 })} Date.now`;'.replace('#', '$'),
      'const d = e / 2 / f; const g = /[/"`]Date.now/.test(h);',
      '/* Date.now',
      '*/ real();',
    ].join('\n');
    const code = blank(text);
    assert.equal(code.length, text.length);
    assert.doesNotMatch(code, /Date/);
    assert.deepEqual(
      [...code.matchAll(/\b(\w+)\(/g)].map((match) => match[1]),
      ['f', 'test', 'real'],
    );
    assert.equal(lineOf(code, code.indexOf('real')), 5);
  });

  test('finds functions of every form, their lines and parameters', () => {
    const code = blank(`
export async function one<T>(a: Map<string, T>, b = f(1, 2)): Promise<{ x: T }> {
  if (a) { return b; }
}
const two = (
  { a, b }: { a: number; b: string },
  c: (x: number, y: number) => void,
): void =>
  c(1, 2);
class C {
  three(a, b, c, d): string | undefined {
    return a;
  }
}
describe('x', async () => {
  four();
});
`);
    const found = findFunctions(code).map(
      ({ name, lines, parameters, argumentOf }) => `${name} ${lines} ${parameters} ${argumentOf}`,
    );
    assert.deepEqual(found, ['one 3 2 ', 'two 5 2 ', 'c 1 2 ', 'three 3 4 ', ' 3 0 describe']);
  });
});
