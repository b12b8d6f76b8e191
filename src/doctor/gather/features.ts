// Tries what the kernel must have in a network namespace that is made for it and is gone a moment
// later: a VXLAN device, a veth pair, the link that shapes what pods send, and our own rules.

import { closeSync, readFileSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import { renderNftTable } from '../../desired/nft-table.ts';
import type { RunCommand } from '../../kernel/foreign-firewall.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { openKernel } from '../../kernel/linux.ts';
import { NetnsRegistry, openNewNetns } from '../../kernel/netns.ts';
import { describeError } from '../../lib/errors.ts';
import { silentLog } from '../../lib/log.ts';
import type { Ip } from '../../net/ip.ts';
import type { Mac } from '../../net/mac.ts';
import type { Link } from '../../state/kernel-state.ts';
import type { Op } from '../../state/op.ts';
import type { KernelFeature, Known } from '../facts.ts';
import { known, unknown } from '../facts.ts';

const COMMON = { up: false, mtuBytes: 1400, group: 0, alias: '' } as const;
const mac = (last: number): Mac => `02:00:00:00:00:0${last}` as Mac;
const SELF = 'here';

const VXLAN: Link = {
  ...{ ...COMMON, kind: 'vxlan', name: 'poplin4-1', mac: mac(1), vni: 1, portNumber: 8472 },
  ...{ local: '127.0.0.1' as Ip, underlay: '', learning: false, gbp: false, udpChecksum: false },
};
const VETH: Link = {
  ...{ ...COMMON, kind: 'veth', name: 'poplin000000001', mac: mac(2) },
  peer: { name: 'eth0', mac: mac(3), mtuBytes: 1400, netns: SELF },
};
const IFB: Link = { ...COMMON, kind: 'ifb', name: 'poplini0000001', mac: mac(4) };

export type FeatureParts = {
  readonly run: RunCommand;
  readonly config: Known<Config>;
  readonly procSys: string;
};

export async function tryFeatures(parts: FeatureParts): Promise<Known<readonly KernelFeature[]>> {
  let netns: number;
  try {
    netns = openNewNetns();
  } catch (error) {
    return unknown(`no network namespace can be made to try it in: ${describeError(error)}`);
  }
  const netnsRegistry = new NetnsRegistry();
  const release = netnsRegistry.hold(SELF, netns);
  try {
    const settings = { netns, procSysRoot: parts.procSys, netnsRegistry, isBrief: true };
    const kernel = openKernel({ ...settings, log: silentLog });
    try {
      return known([...(await tryAll(kernel, parts)), ...ipv6(parts)]);
    } finally {
      kernel.close();
    }
  } catch (error) {
    return unknown(`it could not be tried: ${describeError(error)}`);
  } finally {
    release();
    closeSync(netns);
  }
}

async function tryAll(kernel: Kernel, parts: FeatureParts): Promise<readonly KernelFeature[]> {
  const { config, run } = parts;
  const link = (value: Link): Op => ({ verb: 'add', object: 'link', value });
  const backend = config.known ? config.value.backend.type : 'vxlan';
  const missing = await missingProgram(run);
  const rules = config.known && missing === '' ? tableOp(config.value) : undefined;
  const refused = rules === undefined ? '' : await problemOf(kernel, rules);
  return [
    {
      ...{ feature: 'vxlan', isFor: 'the devices that wrap packets between nodes' },
      ...{ problem: await problemOf(kernel, link(VXLAN)), isNeeded: backend !== 'host-gw' },
    },
    {
      ...{ feature: 'veth', isFor: 'the links of pods', isNeeded: true },
      problem: await problemOf(kernel, link(VETH)),
    },
    {
      ...{ feature: 'ifb', isFor: 'pods with a limit of what they send', isNeeded: false },
      problem: await problemOf(kernel, link(IFB)),
    },
    {
      feature:
        missing === '' ? 'nf_tables (with nft_fib, nft_nat, nft_masq, nft_ct)' : 'the program nft',
      isFor: 'masquerading, host ports and the filters of pods',
      ...{ problem: missing === '' ? refused : missing, isNeeded: true },
    },
  ];
}

/** Why it cannot be run; '' when it can. */
async function missingProgram(run: RunCommand): Promise<string> {
  try {
    const { exitCode, stderr } = await run(['nft', '--version'], {});
    return exitCode === 0 ? '' : stderr.trim();
  } catch (error) {
    return describeError(error);
  }
}

const tableOp = (config: Config): Op => ({
  ...{ verb: 'add', object: 'nft-table' },
  value: renderNftTable({ config, ownSubnets: [] }),
});

async function problemOf(kernel: Kernel, op: Op): Promise<string> {
  const [failure] = await kernel.apply([op]);
  return failure === undefined ? '' : failure.error.message;
}

/** A kernel, or a boot, without it. */
function ipv6({ config, procSys }: FeatureParts): readonly KernelFeature[] {
  if (!config.known || !config.value.families.some(({ family }) => family === 'ipv6')) return [];
  const problem = problemOfIpv6(`${procSys}/ipv6/conf/all/disable_ipv6`);
  return [{ feature: 'IPv6', isFor: 'EnableIPv6 of net-conf.json', problem, isNeeded: true }];
}

function problemOfIpv6(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim() === '1' ? `${path} is 1` : '';
  } catch {
    return 'the kernel runs without it';
  }
}
