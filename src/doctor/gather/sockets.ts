// UDP sockets of this network namespace and who holds them, as far as processes can be seen; and
// what kube-proxy was told by its command line.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describeError } from '../../lib/errors.ts';
import { parseCidr } from '../../net/cidr.ts';
import type { ClusterCidr, Known, UdpSocket } from '../facts.ts';
import { known, unknown } from '../facts.ts';

/** The holders of these ports alone are looked for: it takes a look at every process. */
export function readUdpSockets(ports: ReadonlySet<number>): Known<readonly UdpSocket[]> {
  try {
    const sockets = ['udp', 'udp6'].flatMap((table) => tableOf(`/proc/thread-self/net/${table}`));
    const wanted = new Set(sockets.filter(({ port }) => ports.has(port)).map(({ inode }) => inode));
    const holders = wanted.size === 0 ? new Map<string, string>() : holdersOf(wanted);
    return known(sockets.map(({ port, inode }) => ({ port, holder: holders.get(inode) ?? '' })));
  } catch (error) {
    return unknown(`the UDP sockets cannot be read: ${describeError(error)}`);
  }
}

type Row = { readonly port: number; readonly inode: string };

function tableOf(path: string): readonly Row[] {
  const lines = readIfThere(path).split('\n').slice(1);
  return lines.flatMap((line) => {
    const [, local = '', , , , , , , , inode = ''] = line.trim().split(/\s+/);
    const [, port] = local.split(':');
    return port === undefined ? [] : [{ port: Number.parseInt(port, 16), inode }];
  });
}

function holdersOf(inodes: ReadonlySet<string>): Map<string, string> {
  const holders = new Map<string, string>();
  for (const pid of processIds()) {
    for (const target of descriptorsOf(pid)) {
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      holders.set(inode, `process ${pid} (${readIfThere(`/proc/${pid}/comm`).trim()})`);
    }
  }
  return holders;
}

const processIds = (): readonly string[] =>
  readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));

function descriptorsOf(pid: string): readonly string[] {
  try {
    const directory = `/proc/${pid}/fd`;
    return readdirSync(directory).flatMap((fd) => {
      try {
        return [readlinkSync(`${directory}/${fd}`)];
      } catch {
        return []; // Closed meanwhile.
      }
    });
  } catch {
    return []; // It has ended, or is another's.
  }
}

/** `--cluster-cidr` of every kube-proxy that can be seen. */
export function readKubeProxyArguments(): readonly ClusterCidr[] {
  return processIds().flatMap((pid) => {
    const words = readIfThere(`/proc/${pid}/cmdline`).split('\0');
    if (!/(^|\/)kube-proxy$/.test(words[0] ?? '')) return [];
    const text = words.find((word) => word.startsWith('--cluster-cidr='))?.split('=')[1] ?? '';
    return text.split(',').flatMap((each) => {
      const cidr = parseCidr(each);
      return cidr === undefined ? [] : [{ cidr, seenIn: `--cluster-cidr of process ${pid}` }];
    });
  });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // It has ended, or this kernel has no such table.
  }
}
