// Which lines of strace tell of a change.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesSomething } from '../../bench/written-calls.ts';

const netlink = (type: string): string =>
  `12 sendto(24<NETLINK:[7]>, [{nlmsg_len=40, nlmsg_type=${type}, nlmsg_flags=0}, "\\x00"], 40) = 40`;

const CASES: readonly (readonly [changes: boolean, line: string])[] = [
  [false, netlink('RTM_GETLINK')],
  [false, netlink('0x12 /* NLMSG_??? */')],
  [false, netlink('0x6a /* NLMSG_??? */')],
  [false, netlink('0xa0d /* NLMSG_??? */')],
  [true, netlink('RTM_NEWROUTE')],
  [true, netlink('0x18 /* NLMSG_??? */')],
  [true, netlink('0x69 /* NLMSG_??? */')],
  [true, netlink('0xa0c /* NLMSG_??? */')],
  [true, netlink('0x10 /* NLMSG_??? */')],
  [true, `${netlink('RTM_GETLINK')} nlmsg_type=RTM_DELLINK,`],
  [true, '12 sendto(5<UNIX-STREAM:[1]>, "hello", 5, 0, NULL, 0) = 5'],
  [false, '12 write(9<anon_inode:[eventfd]>, "\\1\\0\\0\\0\\0\\0\\0\\0", 8) = 8'],
  [false, '12 write(9<pipe:[77]>, "*", 1) = 1'],
  [true, '12 write(9</var/lib/poplin/x>, "*", 1) = 1'],
  [false, '12 openat(AT_FDCWD</>, "/proc/sys/net/ipv4/ip_forward", O_RDONLY|O_CLOEXEC) = 9'],
  [true, '12 openat(AT_FDCWD</>, "/x", O_WRONLY|O_CREAT|O_TRUNC, 0600) = 9'],
  [false, '12 openat(AT_FDCWD</>, "/x", O_RDWR) = -1 EROFS (Read-only file system)'],
  [true, '12 rename("/a", "/b") = 0'],
  [true, '12 unlink("/a") = 0'],
  [false, '12 +++ exited with 0 +++'],
  [false, ''],
];

test('reads of netlink and wake-ups change nothing, everything else does', () => {
  for (const [changes, line] of CASES) assert.equal(changesSomething(line), changes, line);
});
