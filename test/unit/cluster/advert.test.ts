// Adverts: what is written is read back, what is not understood concerns its own node alone.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { Advert } from '../../../src/cluster/advert.ts';
import { parseAdvert, renderAdvert } from '../../../src/cluster/advert.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';

const ADVERT: Advert = {
  v: 1,
  machine: 'm-1',
  underlay: ['192.168.1.11' as Ip, 'fd01::11' as Ip],
  families: ['ipv4', 'ipv6'],
  receiveMtuBytes: 1500,
  receives: {
    vxlan: [{ family: 'ipv4', vni: 1, port: 8472, mac: '02:00:00:00:00:01' as Mac }],
    'host-gw': [{ family: 'ipv4' }],
  },
  sends: ['vxlan'],
  sendsVxlan: [{ vni: 1, port: 8472 }],
  config: 'abc',
};

test('an advert is read back as it was written', () => {
  assert.deepEqual(parseAdvert(renderAdvert(ADVERT)), { kind: 'ok', advert: ADVERT });
});

test('members and path names of a later version are ignored', () => {
  const text = JSON.stringify({ ...ADVERT, sends: ['vxlan', 'teleport'], novel: { deep: true } });
  const parsed = parseAdvert(text);
  assert.equal(parsed.kind, 'ok');
  assert.deepEqual(parsed.kind === 'ok' && parsed.advert.sends, ['vxlan']);
});

describe('a malformed advert names what is wrong', () => {
  const cases: [name: string, text: string, problem: RegExp][] = [
    ['no JSON', '{', /^not JSON/],
    ['another version', JSON.stringify({ ...ADVERT, v: 2 }), /at v$/],
    [
      'a bad address',
      JSON.stringify({ ...ADVERT, underlay: ['10.0.0'] }),
      /"10.0.0".*underlay\.0$/,
    ],
    [
      'a bad MAC',
      JSON.stringify({
        ...ADVERT,
        receives: { vxlan: [{ family: 'ipv4', vni: 1, port: 1, mac: 'x' }] },
      }),
      /"x" is not an Ethernet address at receives\.vxlan\.0\.mac$/,
    ],
    ['no object', '7', /./],
  ];
  for (const [name, text, problem] of cases) {
    test(name, () => {
      const parsed = parseAdvert(text);
      assert.equal(parsed.kind, 'malformed');
      assert.match(parsed.kind === 'malformed' ? parsed.problem : '', problem);
    });
  }
});

test('no text makes the parser throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      assert.ok(['ok', 'malformed'].includes(parseAdvert(text).kind));
    }),
  );
});
