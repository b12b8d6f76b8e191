// Endpoints of a check that exist on paper only.

import type { Endpoint } from '../../../src/lab/check.ts';
import type { Family } from '../../../src/net/family.ts';
import { FAMILIES } from '../../../src/net/family.ts';
import type { Ip } from '../../../src/net/ip.ts';

const ADDRESS = { ipv4: '10.244.1.1' as Ip, ipv6: 'fd00:244:1::1' as Ip } as const;

export function endpoint(name: string, families: readonly Family[] = FAMILIES): Endpoint {
  const addresses = families.map((family) => ADDRESS[family]);
  return {
    name,
    kind: name.includes('pod') ? 'pod' : 'node',
    node: name.replace(/-pod.*/, ''),
    netns: `/run/netns/lab-${name}`,
    addresses,
    sourceAddresses: addresses,
    mtuBytes: 1450,
  };
}
