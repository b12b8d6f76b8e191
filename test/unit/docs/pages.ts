// The pages that people read, taken apart: blocks between fences with what stands around them, and
// of blocks of shell each command. Tests that run what a page says get it from here, by the page's
// path and the beginning of the command or of its heading written out, so that the page and the
// test cannot drift apart, and so that commands.test.ts sees who runs what.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../deploy/manifests.ts';

export const PAGES: readonly string[] = [
  ...['README.md', 'CONTRIBUTING.md'],
  ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
].filter((path) => path.endsWith('.md'));

export type Block = {
  readonly language: string;
  readonly text: string;
  readonly line: number;
  /** Without its number signs. */
  readonly heading: string;
  /** The paragraphs right before and right after it. */
  readonly around: readonly string[];
};

const FENCED = /^```(.*)\n([\s\S]*?)^```$/gm;

export const readPage = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

const firstParagraph = (text: string): string => text.trimStart().split(/\n\s*\n/)[0] ?? '';
const lastParagraph = (text: string): string =>
  text
    .trimEnd()
    .split(/\n\s*\n/)
    .at(-1) ?? '';

export function blocksOf(page: string): readonly Block[] {
  const text = readPage(page);
  return [...text.matchAll(FENCED)].map((match) => {
    const [whole, language = '', inner = ''] = match;
    const before = text.slice(0, match.index);
    const headings = before.replaceAll(FENCED, '').match(/^#+ .*$/gm) ?? [];
    return {
      ...{ language, text: inner, line: before.split('\n').length },
      heading: headings.at(-1)?.replace(/^#+ /, '') ?? '',
      around: [lastParagraph(before), firstParagraph(text.slice(match.index + whole.length))],
    };
  });
}

/** Those of a block: a line that is indented, or ends a loop, goes on with the one before. */
export function commandsIn({ text }: Block): readonly string[] {
  const commands: string[] = [];
  for (const line of text.replaceAll('\\\n', '').trimEnd().split('\n')) {
    const last = commands.at(-1);
    if (last === undefined || !/^(?: |done\b)/.test(line)) commands.push(line);
    else commands[commands.length - 1] = `${last}\n${line}`;
  }
  return commands;
}

/** In the order of the page; below the heading that begins so, or below all. */
export function commandsOf(page: string, heading = ''): readonly string[] {
  const found = blocksOf(page)
    .filter((block) => block.language === 'sh' && block.heading.startsWith(heading))
    .flatMap(commandsIn);
  assert.notEqual(found.length, 0, `${page} has no commands below "${heading}"`);
  return found;
}

/** The one that is so, or the first that begins so. */
export function commandOf(page: string, start: string): string {
  const commands = commandsOf(page);
  const found =
    commands.find((command) => command === start) ??
    commands.find((command) => command.startsWith(start));
  return found ?? assert.fail(`${page} has no command that begins with ${start}`);
}
