// Whether the kernel has what the network is made of. Each was tried in a network namespace that
// was made for it, so that nothing of the node changes.

import type { Facts, KernelFeature } from '../facts.ts';
import type { Verdict } from '../finding.ts';

export function kernelFeatures({ features }: Facts): Verdict {
  if (!features.known) return { skipped: features.why };
  return features.value
    .filter(({ problem }) => problem !== '')
    .map(({ feature, isFor, problem, isNeeded }: KernelFeature) => ({
      severity: isNeeded ? 'error' : 'warning',
      what: `${feature} does not work: ${problem}`,
      why: `it is needed for ${isFor}`,
      do: remedyOf(feature),
    }));
}

function remedyOf(feature: string): string {
  if (feature === 'the program nft') return 'install the package nftables';
  if (feature === 'IPv6') {
    return (
      'set net.ipv6.conf.all.disable_ipv6 to 0 and boot without ipv6.disable=1, or set ' +
      'EnableIPv6 to false'
    );
  }
  return (
    `load the kernel's module (modprobe ${feature.split(' ')[0]}) and have it loaded at ` +
    'boot by /etc/modules-load.d; of a kernel for containers or small machines it may be ' +
    'in a package of its own, as linux-modules-extra'
  );
}
