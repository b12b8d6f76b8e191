// Who holds a subnet key, in a key of its own: Flannel's value has no room for it. It is written in
// the same transaction and bound to the same lease as the subnet key, which is what makes them
// belong together: a subnet key bound to another lease was written by somebody else. Pure.

import * as z from 'zod';
import type { Cidr } from '../../net/cidr.ts';
import type { Ip } from '../../net/ip.ts';
import { parseIp } from '../../net/ip.ts';
import { parseSubnetKeyName, subnetKeyName } from './keys.ts';

export type Holder = {
  /** Tells two machines of one node name apart. */
  readonly machine: string;
  /** Name of the subnet key. */
  readonly subnetKey: string;
  readonly subnets: readonly Cidr[];
  /** Beside those, each with a subnet key of its own. */
  readonly further: readonly Cidr[];
  /** The node's own, as its peers may reach it. */
  readonly addresses: readonly Ip[];
};

/** More than any configuration allows; a holder with more is not believed. */
const FURTHER_MAX = 1024;

/** Unknown members are ignored, so that a newer node can say more. */
const holderSchema = z.object({
  v: z.literal(1),
  machine: z.string().max(128),
  subnet: z.string().max(128),
  further: z.array(z.string().max(128)).max(FURTHER_MAX).default([]),
  addresses: z.array(z.string()).max(8).default([]),
});

/** `undefined` when it is not a holder: then its subnet key stands alone. */
export function parseHolder(text: string): Holder | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = holderSchema.safeParse(json);
  if (!parsed.success) return undefined;
  const { machine, subnet: subnetKey, further, addresses } = parsed.data;
  const subnets = parseSubnetKeyName(subnetKey);
  if (subnets === undefined) return undefined;
  const beside = further.flatMap((name) => parseSubnetKeyName(name)?.slice(0, 1) ?? []);
  const ips = addresses.flatMap((text) => parseIp(text) ?? []);
  return { machine, subnetKey, subnets, further: beside, addresses: ips };
}

export const renderHolder = (holder: Omit<Holder, 'subnetKey'>): string =>
  JSON.stringify({
    v: 1,
    machine: holder.machine,
    subnet: subnetKeyName(holder.subnets),
    ...(holder.further.length === 0
      ? {}
      : { further: holder.further.map((subnet) => subnetKeyName([subnet])) }),
    addresses: holder.addresses,
  });
