// Configurations and prefixes for tests, made by the real parser: a test cannot hold one that the
// agent would never see.

import assert from 'node:assert/strict';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/parse.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { parseCidr } from '../../src/net/cidr.ts';

/** From the keys of net-conf.json; fails the test when they are not right. */
export function configFrom(keys: Readonly<Record<string, unknown>>): Config {
  const parsed = parseConfig(JSON.stringify(keys));
  if (parsed.kind === 'invalid') assert.fail(JSON.stringify(parsed.problems));
  return parsed.config;
}

export const cidr = (text: string): Cidr => parseCidr(text) ?? assert.fail(`no network: ${text}`);

/** Keys of a network with both families. */
export const DUAL_STACK = {
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00:10:244::/48',
} as const;
