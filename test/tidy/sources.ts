// The files that the tidy test looks at, each with its text, its code without comments and strings,
// and its imports. Everything is read once.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { blank } from './blank.ts';
import { lineOf } from './functions.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export type Import = {
  /** As written: `../net/ip.ts`, `node:fs`, `zod`. */
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** By `import()`, when it is needed. */
  readonly dynamic: boolean;
  readonly line: number;
};

export type SourceFile = {
  /** Path from the root of the project. */
  readonly path: string;
  readonly text: string;
  /** Empty for what is not TypeScript. */
  readonly code: string;
  readonly imports: readonly Import[];
};

const FOLDERS = ['src', 'test', 'scripts', 'cni', 'deploy'];
/** `import … from`, `export … from`; without names; and by need. */
const FROM = /^(?:import|export)\b([^;'"]*?)\bfrom\s*(['"])/gm;
const BARE = /^import\s*()(['"])/gm;
const DYNAMIC = /\bimport\s*\(\s*()(['"])/g;
/** Data and what builds make; not written by hand. */
const LEFT_OUT = /(^|\/)(corpus|build|golden\/.*\.(?!ts$)[^/]*)(\/|$)/;
const READ = /(\.(ts|c|h|sh)|\/Makefile|^scripts\/[^/.]+)$/;

export function readText(path: string): string {
  return readFileSync(ROOT + path, 'utf8');
}

export const sourceFiles: readonly SourceFile[] = FOLDERS.flatMap(listFolder)
  .filter((path) => READ.test(path) && !LEFT_OUT.test(path))
  .map(readSource);

export const typescriptFiles = sourceFiles.filter(({ path }) => path.endsWith('.ts'));

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(ROOT + folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(ROOT.length))
      .sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

function readSource(path: string): SourceFile {
  const text = readText(path);
  const code = path.endsWith('.ts') ? blank(text) : '';
  return { path, text, code, imports: importsOf(text, code) };
}

/** Found in the blanked code, so that no comment counts; the specifier is read from the text. */
function importsOf(text: string, code: string): readonly Import[] {
  return [FROM, BARE, DYNAMIC].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => {
      const start = match.index + match[0].length;
      const quote = match[2] ?? '';
      return {
        specifier: text.slice(start, text.indexOf(quote, start)),
        typeOnly: /^\s*type\b(?!\s*,)/.test(match[1] ?? ''),
        dynamic: pattern === DYNAMIC,
        line: lineOf(code, match.index),
      };
    }),
  );
}
