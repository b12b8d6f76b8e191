// All of a lab's node that a pod network could change, as text to compare: links, addresses, routes
// of all tables, rules, neighbours, nftables, qdiscs, every sysctl below net, and its files. Only
// what changes by itself is left out.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestLab } from './lab.ts';

const COMMANDS = [
  ...['ip -d -o link', 'ip -o address', 'ip maddress', 'ip netconf'],
  ...['ip route show table all', 'ip -6 route show table all', 'ip nexthop'],
  ...['ip rule', 'ip -6 rule', 'bridge fdb show', 'tc qdisc show'],
  ...['ip neighbour show nud permanent', 'ip -6 neighbour show nud permanent'],
];
const NFT = 'nft --stateless list ruleset';

/** Counters, and what another user of the machine sets for all namespaces. */
const VOLATILE = /conntrack_count|nf_log|netdev_rss_key|stable_secret/;

/** The lab's own: logs, and the machine's identity. */
const OF_THE_LAB = /\.log$|^machine-id$/;

const SYSCTLS = 'cd /proc/sys/net; find . -type f -perm -400 -exec grep -sH . {} +; true';

export function wholeNode(lab: TestLab, node: string): readonly string[] {
  const kernel = wholeKernel((argv) => lab.runArgv(node, argv), NFT);
  return [...kernel, `files\n${filesOf(lab, node).join('\n')}`];
}

/** `nft`: how the rules are listed, of which others may change some all the time. */
export function wholeKernel(
  run: (argv: readonly string[]) => string,
  nft: string,
): readonly string[] {
  const kernel = [...COMMANDS, nft].map((command) => {
    const lines = run(command.split(' ')).trimEnd().split('\n');
    const isOrdered = command.startsWith('nft') || command.startsWith('ip maddress');
    return `$ ${command}\n${(isOrdered ? lines : lines.sort()).join('\n')}`;
  });
  const sysctls = run(['sh', '-c', SYSCTLS])
    .split('\n')
    .filter((line) => !VOLATILE.test(line))
    .sort();
  return [...kernel, `sysctls\n${sysctls.join('\n')}`];
}

/** With a hash of what is in them. */
function filesOf(lab: TestLab, node: string): readonly string[] {
  const base = dirname(lab.directory.node(node).stateDir);
  if (!existsSync(base)) return [];
  return readdirSync(base, { recursive: true, encoding: 'utf8' })
    .filter((name) => !OF_THE_LAB.test(name))
    .sort()
    .map((name) => {
      const path = join(base, name);
      if (!statSync(path).isFile()) return `${name}/`;
      return `${name} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
    });
}
