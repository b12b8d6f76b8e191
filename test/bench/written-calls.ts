// Which system calls of this process change something, as strace sees them: netlink requests that
// are not reads, files opened for writing, and whatever renames, removes or makes files.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import type { Stage } from './stage.ts';
import { endProcess } from './stage.ts';

const ATTACH_TIMEOUT_MS = 10_000;
const CALLS =
  'sendto,sendmsg,sendmmsg,write,pwrite64,writev,openat,open,creat,rename,renameat,renameat2,' +
  'unlink,unlinkat,mkdir,mkdirat,link,linkat,symlink,symlinkat,truncate,ftruncate,execve';

/** The lines of the calls that changed something while `work` ran. */
export async function writingCalls(stage: Stage, work: () => Promise<void>): Promise<string[]> {
  const output = join(stage.directory(), 'strace');
  const strace = stage.start(
    [
      'strace',
      '-f',
      '-v',
      '-yy',
      '-s',
      '256',
      '-e',
      `trace=${CALLS}`,
      '-o',
      output,
      '-p',
      `${process.pid}`,
    ],
    { stdio: 'ignore' },
  );
  const startedMs = performance.now();
  while (tracerOfThis() === 0) {
    if (performance.now() - startedMs > ATTACH_TIMEOUT_MS) throw new Error('strace did not attach');
    await systemClock.sleep(20);
  }
  await work();
  await endProcess(strace);
  return readFileSync(output, 'utf8').split('\n').filter(changesSomething);
}

const tracerOfThis = (): number =>
  Number(/^TracerPid:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0);

/** One line of `strace -f -y`: `123 sendto(21<socket:[5]>, [{nlmsg_len=…, nlmsg_type=RTM_GETLINK…`. */
export function changesSomething(line: string): boolean {
  const match = /^\d+\s+(?<call>\w+)\((?<rest>.*)$/.exec(line);
  const { call = '', rest = '' } = match?.groups ?? {};
  if (call === '' || / = -1 /.test(rest)) return false;
  if (call === 'openat' || call === 'open') return /O_(WRONLY|RDWR|CREAT|TRUNC)/.test(rest);
  if (call.startsWith('send')) return !isRead(rest);
  // Node.js's own threads wake each other by these.
  if (call.startsWith('write')) return !/^\d+<(anon_inode:\[eventfd\]|pipe:)/.test(rest);
  return true;
}

/** Every message of the batch is one of the kernel's GET requests. */
function isRead(text: string): boolean {
  const types = [...text.matchAll(/nlmsg_type=([^\s,}]+)/g)].map(([, type = '']) => type);
  return types.length > 0 && types.every(isGet);
}

const NFNL_SUBSYS_NFTABLES = 10;
/** NFT_MSG_GETTABLE, GETCHAIN, GETRULE, GETSET, GETSETELEM, GETGEN (linux/netfilter/nf_tables.h). */
const NFT_GETS: ReadonlySet<number> = new Set([1, 4, 7, 10, 13, 16]);

/** strace knows the names only of sockets in its own namespace; rtnetlink's GETs end in binary 10. */
function isGet(type: string): boolean {
  if (!/^(0x)?[0-9a-f]+$/.test(type)) return /_GET/.test(type);
  const number = Number(type);
  if (number >> 8 === NFNL_SUBSYS_NFTABLES) return NFT_GETS.has(number & 0xff);
  return number >= 16 && number >> 8 === 0 && (number & 3) === 2;
}
