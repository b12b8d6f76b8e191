// What the processes of a lab wrote into their logs, shown where a test fails.

import { readFileSync } from 'node:fs';
import type { LabDirectory } from '../../src/lab/lab-directory.ts';
import type { LabSpec } from '../../src/lab/plan.ts';

const LOG_LINES_SHOWN = 15;

/** What the agents of a lab complained about, for whoever reads the failure of a test. */
export function complaintsOf(directory: LabDirectory, { nodeCount, name }: LabSpec): string {
  const files = Array.from({ length: nodeCount }, (_, index) => ({
    who: `node${index + 1}`,
    path: directory.node(`node${index + 1}`).logFile,
  }));
  const stores = [
    { who: 'api', path: directory.apiLogFile },
    { who: 'etcd', path: directory.etcdLogFile },
  ];
  const all = [...files, ...stores];
  return all
    .flatMap(({ who, path }) => {
      const lines = readIfThere(path)
        .split('\n')
        .filter((line) => !/^$|"level":"?(30|info)/.test(line));
      return lines.slice(-LOG_LINES_SHOWN).map((line) => `${name} ${who}: ${line}\n`);
    })
    .join('');
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
