// What ADD prints, in each version of the specification, alone and behind another plugin.

import { describe, test } from 'node:test';
import type { JsonObject } from '../../../src/cni/network-config.ts';
import { renderResult } from '../../../src/cni/result.ts';
import { SUPPORTED_VERSIONS } from '../../../src/cni/version.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { attachmentOf } from '../../fake/attachment.ts';
import { matchGolden } from './golden.ts';

const DUAL = ['10.244.1.5', 'fd00:10:244:1::5'] as Ip[];

const PREVIOUS: JsonObject = {
  cniVersion: '1.0.0',
  interfaces: [{ name: 'other0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/c1' }],
  ips: [{ interface: 0, address: '192.0.2.5/24' }],
  routes: [{ dst: '192.0.2.0/24' }],
  dns: { nameservers: ['192.0.2.53'] },
  extra: 'kept',
};

const pretty = (text: string): string => `${JSON.stringify(JSON.parse(text), null, 2)}\n`;

function matches(name: string, text: string): void {
  matchGolden(new URL(`result/${name}.json`, import.meta.url), pretty(text));
}

const NO_WISHES = { unsupported: [], portMappings: { kind: 'ok', value: [] } } as const;

describe('the result of ADD', () => {
  for (const cniVersion of SUPPORTED_VERSIONS) {
    test(`for both families in ${cniVersion}`, () => {
      const config = { cniVersion, name: 'poplin', ...NO_WISHES };
      matches(`dual-${cniVersion}`, renderResult(attachmentOf('c1', DUAL), config));
    });
  }

  test('for IPv6 alone, with the DNS of the configuration', () => {
    const dns = { nameservers: ['fd00::53'], search: ['example.org'] };
    const config = { cniVersion: '1.0.0', name: 'poplin', ...NO_WISHES, dns } as const;
    matches('ipv6-dns', renderResult(attachmentOf('c1', DUAL.slice(1)), config));
  });

  test('behind another plugin keeps its result and counts interfaces on', () => {
    const config = {
      cniVersion: '1.0.0',
      name: 'poplin',
      ...NO_WISHES,
      prevResult: PREVIOUS,
    } as const;
    matches('chained', renderResult(attachmentOf('c1', DUAL), config));
  });
});
