// The conformance suites on real namespaces of this machine.

import { execFileSync } from 'node:child_process';
import { describe } from 'node:test';
import { openKernel } from '../../src/kernel/linux.ts';
import { NetnsRegistry } from '../../src/kernel/netns.ts';
import { silentLog } from '../../src/lib/log.ts';
import { kernelApply } from '../conformance/kernel-apply.ts';
import { kernelBird } from '../conformance/kernel-bird.ts';
import { kernelConsequences } from '../conformance/kernel-consequences.ts';
import { kernelForeignLinks } from '../conformance/kernel-foreign-links.ts';
import { kernelHints } from '../conformance/kernel-hints.ts';
import { kernelLinks } from '../conformance/kernel-links.ts';
import { kernelNft } from '../conformance/kernel-nft.ts';
import { kernelObjects } from '../conformance/kernel-objects.ts';
import { kernelRedirects } from '../conformance/kernel-redirects.ts';
import { kernelRefusals } from '../conformance/kernel-refusals.ts';
import type { KernelWorld } from '../conformance/world.ts';
import { ipCommand } from './ip-command.ts';
import { TestNamespace } from './namespaces.ts';

let count = 0;

const openWorld = (): KernelWorld => openNamespaces(false);

/** As one CNI call has it: what is applied goes by another thread first. */
const openBriefWorld = (): KernelWorld => openNamespaces(true);

function openNamespaces(isBrief: boolean): KernelWorld {
  count += 1;
  const namespace = new TestNamespace(`a${count}`);
  const other = new TestNamespace(`b${count}`);
  const netnsRegistry = new NetnsRegistry();
  netnsRegistry.hold(other.path, other.fd);
  const settings = { procSysRoot: '/proc/sys/net', netnsRegistry, log: silentLog };
  const kernel = openKernel({ ...settings, netns: namespace.fd, isBrief });
  const otherKernel = openKernel({ ...settings, netns: other.fd });
  return {
    kernel,
    otherKernel,
    otherNetns: other.path,
    foreign: (op) => {
      execFileSync('ip', ['netns', 'exec', namespace.name, ...ipCommand(op)]);
    },
    answered: (link) => {
      const words = ['-n', namespace.name, '-6', 'neighbour', 'show', 'proxy', 'dev', link];
      const lines = execFileSync('ip', words, { encoding: 'utf8' }).split('\n');
      return lines.flatMap((line) => line.split(' ')[0] || []).sort();
    },
    [Symbol.dispose]: () => {
      kernel.close();
      otherKernel.close();
      namespace[Symbol.dispose]();
      other[Symbol.dispose]();
    },
  };
}

describe('the Linux kernel', () => {
  describe('objects', () => kernelObjects(openWorld));
  describe('lists of ops', () => kernelApply(openWorld));
  describe('consequences', () => kernelConsequences(openWorld));
  describe('routes of BIRD', () => kernelBird(openWorld));
  describe('refusals', () => kernelRefusals(openWorld));
  describe('links', () => kernelLinks(openWorld));
  describe('links of others', () => kernelForeignLinks(openWorld));
  describe('nftables', () => kernelNft(openWorld));
  describe('hints', () => kernelHints(openWorld));
  describe('redirections', () => kernelRedirects(openWorld));
});

describe('the Linux kernel for one caller', () => {
  describe('objects', () => kernelObjects(openBriefWorld));
  describe('lists of ops', () => kernelApply(openBriefWorld));
  describe('refusals', () => kernelRefusals(openBriefWorld));
});
