// What documents must say because the code says it: a section for each error code, a line for each
// dependency, a test for each invariant. docs/configuration.md has its own test beside the schema
// (test/unit/config/docs.test.ts).

import { ERROR_CODES } from '../../src/lib/error-codes.ts';
import { readText, sourceFiles } from './sources.ts';

const INVARIANTS_MIN = 10;

export function errorProblems(): readonly string[] {
  const sections = readText('docs/errors.md').split(/^## /m).slice(1);
  const documented = new Map(
    sections.map((section) => [/^`([A-Z_]+)`/.exec(section)?.[1] ?? section, section]),
  );
  const stale = [...documented.keys()].filter((code) => !Object.hasOwn(ERROR_CODES, code));
  return [
    ...stale.map((code) => `${code} is no error code (any more)`),
    ...Object.entries(ERROR_CODES).flatMap(([code, { summary, retryable }]) => {
      const section = documented.get(code);
      if (section === undefined) return [`${code} has no section`];
      const retry = retryable ? 'Retried: yes.' : 'Retried: no.';
      return [summary, retry]
        .filter((text) => !section.includes(text))
        .map((text) => `${code} does not say: ${text}`);
    }),
  ];
}

export function dependencyProblems(): readonly string[] {
  const manifest: unknown = JSON.parse(readText('package.json'));
  const names = [
    ...namesIn(manifest, 'dependencies'),
    ...namesIn(manifest, 'optionalDependencies'),
  ];
  const documented = [
    ...readText('docs/decisions.md').matchAll(/^- \*\*(\S+?)\*\*(?:, \*\*(\S+?)\*\*)?: .{20}/gm),
  ].flatMap(([, first = '', second]) => (second === undefined ? [first] : [first, second]));
  return [
    ...names.filter((name) => !documented.includes(name)).map((name) => `${name} has no line`),
    ...documented
      .filter((name) => !names.includes(name))
      .map((name) => `${name} is no dependency (any more)`),
  ];
}

function namesIn(manifest: unknown, key: string): readonly string[] {
  if (typeof manifest !== 'object' || manifest === null || !(key in manifest)) return [];
  const entry: unknown = Reflect.get(manifest, key);
  return typeof entry === 'object' && entry !== null ? Object.keys(entry) : [];
}

/**
 * Under the heading "Invariants", a numbered list whose every item names at least one test as
 * `test/….test.ts` "name of the test", or names a part of the scenario's file the same way.
 */
export function invariantProblems(): readonly string[] {
  const text = readText('docs/architecture.md');
  const [, rest = ''] = text.split(/^#+ .*[Ii]nvariants.*$/m);
  const [section = ''] = rest.split(/^#+ /m);
  const items = section.split(/^(?=\d+\. )/m).filter((part) => /^\d+\. /.test(part));
  const numbers = items.map((item) => Number.parseInt(item, 10));
  const inOrder = numbers.every((number, index) => number === index + 1);
  return [
    ...(items.length < INVARIANTS_MIN ? [`only ${items.length} invariants were found`] : []),
    ...(inOrder ? [] : [`the numbers are ${numbers.join(', ')}`]),
    ...items.flatMap((item, index) =>
      testProblems(item).map((problem) => `invariant ${index + 1} ${problem}`),
    ),
  ];
}

const TEST_REFERENCE = /`(test\/[^`]+)`[^"“`]*["“]([^"”]+)["”]/g;

function testProblems(item: string): readonly string[] {
  const references = [...item.replaceAll(/\s+/g, ' ').matchAll(TEST_REFERENCE)];
  if (references.length === 0) return ['names no test'];
  return references.flatMap(([, path = '', name = '']) => {
    const file = sourceFiles.find((candidate) => candidate.path === path);
    if (file === undefined) return [`names ${path}, which does not exist`];
    return file.text.includes(name) ? [] : [`names "${name}", which is not in ${path}`];
  });
}
