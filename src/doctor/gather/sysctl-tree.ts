// The sysctls of the network, a line each as sysctl(8) prints them: protocols as a whole, those of
// links where they tell something about forwarding. Keys are left out that are secrets.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['ipv4', 'ipv6', 'ipv6/route', 'netfilter', 'core', 'bridge'];
const PER_LINK = [
  ...['forwarding', 'rp_filter', 'accept_local', 'arp_ignore', 'arp_announce', 'proxy_arp'],
  ...['route_localnet', 'accept_ra', 'disable_ipv6', 'mtu', 'src_valid_mark'],
];
/** What connections and addresses are made unguessable by. */
const SECRET = /key|secret/;

export function readSysctls(root: string): string {
  const lines = FOLDERS.flatMap((folder) =>
    namesIn(join(root, folder)).flatMap((name) => lineOf(root, join(folder, name))),
  );
  const links = ['ipv4', 'ipv6'].flatMap((protocol) =>
    namesIn(join(root, protocol, 'conf')).flatMap((link) =>
      PER_LINK.flatMap((key) => lineOf(root, join(protocol, 'conf', link, key))),
    ),
  );
  return `${[...lines, ...links].join('\n')}\n`;
}

function lineOf(root: string, path: string): readonly string[] {
  if (SECRET.test(path)) return [];
  try {
    const value = readFileSync(join(root, path), 'utf8').trim().replaceAll('\n', ' ');
    return [`net.${path.replaceAll('/', '.')} = ${value}`];
  } catch {
    return []; // A folder, one that can only be written, or another kernel's.
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
