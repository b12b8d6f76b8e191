// Holds a file's imports against the rule of its folder (import-rules.ts).

import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import type { ImportRule } from './import-rules.ts';
import { IMPORT_RULES, PORTS } from './import-rules.ts';
import type { Import, SourceFile } from './sources.ts';

/** Never loaded before it is needed: importing it costs 75 MB (docs/decisions.md). */
const LAZY_ONLY = '@kubernetes/client-node';

export function importProblems({ path, imports }: SourceFile): readonly string[] {
  return imports.flatMap((one) => {
    const why = path.startsWith('src/') ? explain(path, one) : explainOutside(one);
    return why === undefined ? [] : [`:${one.line}: ${one.specifier}: ${why}`];
  });
}

/** Tests and scripts import what they like, but in the same spelling. */
function explainOutside({ specifier }: Import): string | undefined {
  if (specifier.startsWith('.')) return explainSpelling(specifier);
  const isBare = !specifier.startsWith('node:') && builtinModules.includes(specifier);
  return isBare ? 'needs the prefix node:' : undefined;
}

const explainSpelling = (specifier: string): string | undefined =>
  /\.(ts|json)$/.test(specifier) ? undefined : 'needs the ending .ts';

function explain(path: string, one: Import): string | undefined {
  const rule = ruleOf(path);
  if (rule === undefined) return 'the folder has no rule in test/tidy/import-rules.ts';
  if (!one.specifier.startsWith('.')) return explainPackage(rule, one);
  const spelling = explainSpelling(one.specifier);
  if (spelling !== undefined) return spelling;
  const target = posix.join(posix.dirname(path), one.specifier);
  if (target === 'package.json') return undefined;
  const folders = [rule.folder, ...rule.folders];
  if (folders.some((folder) => target.startsWith(`${folder}/`))) return undefined;
  if (one.typeOnly && PORTS.includes(target) && rule.folder !== 'src/net') return undefined;
  const allowed = rule.folders.join(', ') || 'no other folder';
  return `${rule.folder} may import ${allowed}: ${rule.reason}`;
}

function explainPackage(rule: ImportRule, one: Import): string | undefined {
  const { specifier, typeOnly, dynamic } = one;
  if (specifier === LAZY_ONLY && typeOnly) return undefined;
  if (specifier === LAZY_ONLY && !dynamic) return 'must be loaded by import() where it is needed';
  const isBuiltin = specifier.startsWith('node:');
  if (rule.packages.includes(specifier)) return undefined;
  if (isBuiltin && rule.packages.includes('node:*')) return undefined;
  if (isBuiltin && typeOnly) return undefined;
  return `${rule.folder} may import ${rule.packages.join(', ') || 'no package'}: ${rule.reason}`;
}

function ruleOf(path: string): ImportRule | undefined {
  const matching = IMPORT_RULES.filter(
    ({ folder }) => path === folder || path.startsWith(`${folder}/`),
  );
  return matching.toSorted((a, b) => b.folder.length - a.folder.length)[0];
}
