// Whether packets arrive with wrong checksums, as where a network card computes those of tunnelled
// packets wrongly: then only ping works. Counted by the kernel on the node and in its pods, since
// their start: what arrives while the doctor looks decides, where that is enough to go by.

import type { ChecksumCount, Checksums, Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';

/** A single broken packet is nobody's fault. */
const WRONG_MIN = 3;
const SHARE_MIN = 0.001;
/** So many that arrive right while it is looked say that the fault is over. */
const ENOUGH = 100;

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

function isMuch(count: ChecksumCount): boolean {
  if (count.wrong < WRONG_MIN) return false;
  const { meanwhile } = count;
  const decides = meanwhile !== undefined && (meanwhile.wrong > 0 || meanwhile.all >= ENOUGH);
  return isShare(decides ? meanwhile : count);
}

const isShare = ({ all, wrong }: Checksums): boolean => wrong > 0 && wrong >= all * SHARE_MIN;
