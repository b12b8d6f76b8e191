// The commands of docs/simulation.md as they stand there, but with one seed and few nodes: how many
// there are changes nothing but the time.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { ROOT } from '../unit/deploy/manifests.ts';
import { commandsOf } from '../unit/docs/pages.ts';

const OUTPUT_MAX_BYTES = 100_000_000;

/** Of what is given twice the last counts. Without a seed it would be another test each time. */
function smaller(command: string): string {
  const typed = command.replace(/ +#.*/, '');
  const more = typed.includes('--stampede') ? '--stampede 40' : '--seeds 1 --nodes 3';
  return `${typed.includes(' -- ') ? typed : `${typed} --`} --seed 7 ${more}`;
}

for (const command of commandsOf('docs/simulation.md')) {
  test(command, () => {
    const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: OUTPUT_MAX_BYTES } as const;
    const said = execFileSync('sh', ['-ec', smaller(command)], options);
    assert.match(said, command.includes('--stampede') ? /40/ : /seeds from 7 on: 1\n/);
  });
}
