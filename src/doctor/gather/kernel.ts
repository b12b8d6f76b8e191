// What the kernel of this node holds, by the same adapter as the agent's: links, addresses, our own
// routes and entries, BIRD's routes, and the sysctls that matter.

import type { ReadScope } from '../../kernel/kernel.ts';
import { openKernel } from '../../kernel/linux.ts';
import { NetnsRegistry } from '../../kernel/netns.ts';
import { describeError } from '../../lib/errors.ts';
import { silentLog } from '../../lib/log.ts';
import type { KernelState } from '../../state/kernel-state.ts';
import { OWN_PROTOCOL, ownsLink, PROBE_TABLE } from '../../state/own.ts';
import type { Known } from '../facts.ts';
import { known, unknown } from '../facts.ts';

const SCOPE: ReadScope = {
  sysctls: [],
  routeProtocol: OWN_PROTOCOL,
  birdRoutes: true,
  rulePriority: PROBE_TABLE,
  nft: false,
  ownsLink,
};

const GLOBAL_SYSCTLS = [
  'ipv4/ip_forward',
  'ipv4/conf/all/rp_filter',
  'ipv6/conf/all/forwarding',
  'ipv6/conf/all/disable_ipv6',
];

export function readKernel(procSysRoot: string): Known<KernelState> {
  try {
    const kernel = openKernel({ procSysRoot, netnsRegistry: new NetnsRegistry(), log: silentLog });
    try {
      const { links } = kernel.read({ ...SCOPE, linksOnly: true });
      const ofLinks = [...links.keys()].flatMap((name) => [
        `ipv4/conf/${name}/rp_filter`,
        `ipv4/conf/${name}/forwarding`,
      ]);
      return known(kernel.read({ ...SCOPE, sysctls: [...GLOBAL_SYSCTLS, ...ofLinks] }));
    } finally {
      kernel.close();
    }
  } catch (error) {
    return unknown(`the kernel cannot be read: ${describeError(error)}`);
  }
}
