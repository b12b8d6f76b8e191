// What one pod is in the kernel, as `ip` would show it: on the host and in the pod's namespace.

import { test } from 'node:test';
import { hostSide } from '../../../src/endpoint/host-side.ts';
import { podSide } from '../../../src/endpoint/pod-side.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import type { Link } from '../../../src/state/kernel-state.ts';
import { EMPTY_STATE } from '../../../src/state/kernel-state.ts';
import { printState } from '../../../src/state/print.ts';
import { attachmentOf } from '../../fake/attachment.ts';
import { matchGolden } from './golden.ts';

const LOOPBACK: Link = {
  kind: 'other',
  name: 'lo',
  up: false,
  mtuBytes: 65_536,
  mac: '00:00:00:00:00:00' as Mac,
  group: 0,
  alias: '',
  driver: 'loopback',
};

for (const [name, addresses] of [
  ['ipv4', ['10.244.1.5']],
  ['ipv6', ['fd00:10:244:1::5']],
  ['dual', ['10.244.1.5', 'fd00:10:244:1::5']],
] as const) {
  test(`the endpoint of a pod with ${addresses.join(' and ')}`, () => {
    const attachment = attachmentOf('c1', addresses as readonly string[] as readonly Ip[]);
    const sources = ['10.244.1.0', 'fd00:10:244:1::'] as Ip[];
    const text = [
      '# host',
      printState({ ...EMPTY_STATE, ...hostSide([attachment], sources) }),
      '# pod',
      printState({ ...EMPTY_STATE, ...podSide(attachment, LOOPBACK) }),
    ].join('\n');
    matchGolden(new URL(`endpoint/${name}.txt`, import.meta.url), text);
  });
}
