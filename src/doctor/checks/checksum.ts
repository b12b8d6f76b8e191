// Whether packets arrive with wrong checksums, as where a network card computes those of tunnelled
// packets wrongly: then only ping works. Counted by the kernel on the node and in its pods.

import type { ChecksumCount, Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';

/** A single broken packet is nobody's fault. */
const WRONG_MIN = 3;
const SHARE_MIN = 0.001;

export function checksum({ checksums }: Facts): Verdict {
  if (!checksums.known) return { skipped: checksums.why };
  const wrong = checksums.value.filter(isMuch);
  if (wrong.length === 0) return [];
  const words = wrong.slice(0, 5).map(({ place, protocol, wrong: count, all }) => {
    return `${place}: ${count} of ${all} ${protocol} packets`;
  });
  return [
    {
      severity: 'error',
      what: `packets arrive with wrong checksums: ${words.join('; ')}`,
      why:
        'a network card or its driver on the nodes that send computes the checksums of tunnelled ' +
        'packets wrongly; ping works, TCP and UDP stall',
      do:
        'on all nodes: ethtool -K LINK tx-udp_tnl-segmentation off ' +
        'tx-udp_tnl-csum-segmentation off, ' +
        "with the underlay's link; if that is not enough, " +
        'tx-checksum-ip-generic off on poplin4-1; ' +
        'update driver and hypervisor (vmxnet3 is known for it)',
    },
  ];
}

const isMuch = ({ all, wrong }: ChecksumCount): boolean =>
  wrong >= WRONG_MIN && wrong >= all * SHARE_MIN;
