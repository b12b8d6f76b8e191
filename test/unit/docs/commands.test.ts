// Every command that a page shows in a block of its own is run by a test, or is marked with why it
// is not. Who runs it is seen by the words with which a test takes it from the page (pages.ts);
// what a test runs without taking it from there is in the table below. Whether the test then runs
// it to a good end is that test's business.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../deploy/manifests.ts';
import type { Block } from './pages.ts';
import { blocksOf, commandsIn, PAGES } from './pages.ts';

const LANGUAGES = ['sh', 'text', 'json', 'yaml', 'toml'];
const PROGRAMS = /^(?:kubectl|poplin|npm|npx|sh|etcdctl|docker|kind|systemctl|apt-get|ctr|tar) /m;

/** Run by a test in its own words, which are in the file that is named. */
type Elsewhere = {
  readonly page: string;
  readonly start: string;
  readonly file: string;
  readonly words: string;
};

const ELSEWHERE: readonly Elsewhere[] = [
  // package.json leads from one to the other.
  {
    ...{ page: 'README.md', start: 'npm run demo' },
    ...{ file: 'test/lab/demo.test.ts', words: '../../scripts/demo.sh' },
  },
  // By the numbers of its steps, block by block.
  {
    ...{ page: 'docs/systemd.md', start: '' },
    ...{ file: 'test/long/systemd.test.ts', words: "stepsOf('systemd.md')" },
  },
];

type Taken = { readonly page: string; readonly start?: string; readonly heading?: string };

const TAKES = /\bcommand(s?)Of\(\s*'([^']+)'(?:,\s*(?:'([^'\n]*)'|"([^"\n]*)"))?,?\s*\)/g;

const readTests = (): string[] =>
  readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.startsWith('unit/docs/'))
    .map((path) => readFileSync(join(ROOT, 'test', path), 'utf8'));

const takenIn = (text: string): Taken[] =>
  [...text.matchAll(TAKES)].map(([, many, page = '', words, quoted]) => {
    const text = words ?? quoted ?? '';
    return many === '' ? { page, start: text } : { page, heading: text };
  });

const MARK = /((?:`[^`]+`[^`]*)*)not run by a test: \S+ \S+ \S+/;

/** Where the mark names no command, it stands for the only one of the block. */
function isMarked({ around }: Block, command: string, count: number): boolean {
  return around.some((paragraph) => {
    const sentences = paragraph.replaceAll(/\s+/g, ' ').split(/(?<=[.:)]) (?=[A-Z(`])/);
    return sentences.some((sentence) => {
      const named = MARK.exec(sentence)?.[1];
      if (named === undefined) return false;
      const names = [...named.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
      return names.length === 0 ? count === 1 : names.some((name) => command.startsWith(name));
    });
  });
}

function problemsOf(page: string, taken: readonly Taken[]): string[] {
  return blocksOf(page).flatMap((block) => {
    const place = `${page}:${block.line}`;
    if (!LANGUAGES.includes(block.language)) return [`${place}: what is "${block.language}"?`];
    if (block.language === 'text' && PROGRAMS.test(block.text)) return [`${place}: say it is sh`];
    if (block.language !== 'sh') return [];
    const commands = commandsIn(block);
    const isRun = (command: string): boolean =>
      taken.some(
        (by) =>
          by.page === page &&
          command.startsWith(by.start ?? '') &&
          block.heading.startsWith(by.heading ?? ''),
      ) || ELSEWHERE.some((by) => by.page === page && command.startsWith(by.start));
    return commands
      .filter((command) => !isRun(command) && !isMarked(block, command, commands.length))
      .map((command) => `${place}: no test runs ${command}`);
  });
}

test('each command of each page is run by a test, or it is said why not', () => {
  const taken = readTests().flatMap(takenIn);
  assert.deepEqual(
    PAGES.flatMap((page) => problemsOf(page, taken)),
    [],
  );
});

test('a command that nobody runs is found', () => {
  assert.ok(problemsOf('docs/kind.md', []).some((text) => /no test runs sh deploy\/ki/.test(text)));
});

test('what a test runs in other words is in its file', () => {
  for (const { file, words } of ELSEWHERE) {
    assert.ok(readFileSync(join(ROOT, file), 'utf8').includes(words), `${file}: ${words}`);
  }
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.equal(scripts.demo, 'sh scripts/demo.sh');
});
