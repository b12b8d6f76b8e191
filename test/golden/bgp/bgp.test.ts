// bird.conf of each feature as a file that a person can read. test/system/bgp has BIRD read them
// too.

import { describe, test } from 'node:test';
import { checkGolden } from '../golden.ts';
import { BGP_CASES, birdConfOf } from '../../fake/bgp-cases.ts';

describe('bird.conf', () => {
  for (const each of BGP_CASES) {
    test(each.name, () => checkGolden(`bgp/${each.name}.conf`, birdConfOf(each)));
  }
});
