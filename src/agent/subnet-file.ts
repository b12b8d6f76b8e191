// The subnet file (`subnet.env`): the keys that Flannel writes, for whoever reads those. Rendered
// by a pure function and written by rename, only when its text changes.

import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { writeWhole } from '../lib/whole-file.ts';
import type { Cidr } from '../net/cidr.ts';
import { addressAt, cidrFamily, cidrLengthBits } from '../net/cidr.ts';

export function renderSubnetFile(
  config: Config,
  ownSubnets: readonly Cidr[],
  routeMtuBytes: number,
): string {
  const lines: string[] = [];
  for (const { family, network } of config.families) {
    const prefix = family === 'ipv4' ? 'FLANNEL' : 'FLANNEL_IPV6';
    const subnet = ownSubnets.find((candidate) => cidrFamily(candidate) === family);
    // Of a family that the node has no subnet of, pods get nothing.
    if (subnet === undefined) continue;
    lines.push(`${prefix}_NETWORK=${network}`);
    // Flannel names the first usable address, with the subnet's length.
    lines.push(`${prefix}_SUBNET=${addressAt(subnet, 1n)}/${cidrLengthBits(subnet)}`);
  }
  lines.push(`FLANNEL_MTU=${routeMtuBytes}`, `FLANNEL_IPMASQ=${config.masquerade}`);
  return `${lines.join('\n')}\n`;
}

export function writeSubnetFile(path: string, text: string): void {
  if (currentText(path) !== text) writeWhole(path, text, 0o644);
}

function currentText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // Absent, or not readable: it is written anew.
  }
}
