// BIRD itself reads what is rendered: each golden case, and whatever else the configuration
// accepts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { renderBird } from '../../../src/bgp/render.ts';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { NET_CONF } from '../../fake/bgp.ts';
import { arbitraryBgp, arbitraryInput, arbitraryPasswords } from '../../fake/bgp-arbitrary.ts';
import { BGP_CASES, birdConfOf } from '../../fake/bgp-cases.ts';
import { birdProblems } from './bird.ts';

describe('BIRD', () => {
  for (const each of BGP_CASES) {
    test(`takes the configuration ${each.name}`, async () => {
      assert.equal(await birdProblems(birdConfOf(each)), '');
    });
  }

  test('refuses what is wrong, so that a silence of its means something', async () => {
    assert.match(await birdProblems('protocol bgp { neighbour 1.2.3.4; }'), /syntax error/);
  });

  test('takes whatever a configuration that is accepted becomes', async () => {
    let accepted = 0;
    const run = fc.asyncProperty(
      ...([arbitraryBgp, arbitraryInput, arbitraryPasswords] as const),
      async (bgp, input, passwords) => {
        const parsed = parseConfig(JSON.stringify({ ...NET_CONF, BGP: bgp }));
        if (parsed.kind === 'invalid') return;
        accepted += 1;
        const speaker = speakerOf({ ...input, settings: parsed.config.bgp });
        const conf = renderBird(speaker, passwords);
        assert.equal(await birdProblems(conf), '', conf);
      },
    );
    await fc.assert(run, { numRuns: 300 });
    assert.ok(accepted > 100, `${accepted} were accepted`);
  });
});
