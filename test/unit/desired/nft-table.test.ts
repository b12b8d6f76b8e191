// The text of our nftables table: golden files for whole tables, and what must hold for each of
// them. That it does what it says to packets is proved in test/system/nft-table.test.ts.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { NftInput } from '../../../src/desired/nft-table.ts';
import { renderNftTable } from '../../../src/desired/nft-table.ts';
import { cidr, configFrom, DUAL_STACK } from '../../fake/config-from.ts';
import { checkGolden } from '../../golden/golden.ts';

const own = ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(cidr);

const TABLES: Readonly<Record<string, NftInput>> = {
  'dual-stack': { config: configFrom(DUAL_STACK), ownSubnets: own },
  'ipv4-excludes': {
    config: configFrom({
      Network: '10.244.0.0/16',
      MasqueradeExclude: ['192.168.0.0/16', '10.0.0.0/8', '10.1.0.0/16', 'fd01::/16'],
    }),
    ownSubnets: own.slice(0, 1),
  },
  'ipv6-only': {
    config: configFrom({ ...DUAL_STACK, EnableIPv4: false }),
    ownSubnets: own.slice(1),
  },
  'two-own-subnets': {
    config: configFrom({ Network: '10.244.0.0/16' }),
    ownSubnets: ['10.244.9.0/24', '10.244.1.0/24'].map(cidr),
  },
  'nothing-leased': { config: configFrom(DUAL_STACK), ownSubnets: [] },
  'no-masquerade': { config: configFrom({ ...DUAL_STACK, Masquerade: false }), ownSubnets: own },
};

describe('the nftables table', () => {
  for (const [name, input] of Object.entries(TABLES)) {
    test(`${name} is the golden text`, () => {
      checkGolden(`nft/${name}.nft`, renderNftTable(input).text);
    });

    test(`${name} numbers every rule, with the hash of the text without the comments`, () => {
      const { hash, text } = renderNftTable(input);
      const isRule = /^ {4}(?!type )/;
      const rules = text.split('\n').filter((line) => isRule.test(line));
      const comments = rules.map((line) => / comment "(.*)"$/.exec(line)?.[1]);
      const expected = rules.map((_, index) => `poplin ${hash} ${index + 1}/${rules.length}`);
      assert.deepEqual(comments, expected);
      const plain = text.replaceAll(/ comment ".*"$/gm, '');
      assert.equal(createHash('sha256').update(plain).digest('hex').slice(0, 16), hash);
    });
  }

  test('each has another hash, and the same input the same one', () => {
    const hashes = Object.values(TABLES).map((input) => renderNftTable(input).hash);
    assert.equal(new Set(hashes).size, hashes.length);
    assert.deepEqual(
      Object.values(TABLES).map((input) => renderNftTable(input).hash),
      hashes,
    );
  });

  test('the order of the own subnets means nothing', () => {
    const input = TABLES['two-own-subnets'] ?? assert.fail();
    const turned = { ...input, ownSubnets: input.ownSubnets.toReversed() };
    assert.deepEqual(renderNftTable(turned), renderNftTable(input));
  });

  test('what only the FORWARD chain of others concerns changes nothing here', () => {
    const config = configFrom({ ...DUAL_STACK, ForwardRules: 'insert' });
    const table = renderNftTable({ config, ownSubnets: own });
    assert.deepEqual(table, renderNftTable(TABLES['dual-stack'] ?? assert.fail()));
  });
});
