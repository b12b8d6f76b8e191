// Whether the UDP port that VXLAN needs is held by somebody else, so that its device cannot be up.

import { ownsLink } from '../../state/own.ts';
import type { Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';

export function udpPortTaken({ kernel, config, udpSockets }: Facts): Verdict {
  if (!config.known) return { skipped: config.why };
  if (!kernel.known) return { skipped: kernel.why };
  if (!udpSockets.known) return { skipped: udpSockets.why };
  const { backend } = config.value;
  if (backend.type === 'host-gw') return [];
  const { portNumber } = backend;
  const hasDevice = [...kernel.value.links.values()].some(
    (link) =>
      link.kind === 'vxlan' && ownsLink(link.name) && link.up && link.portNumber === portNumber,
  );
  const socket = udpSockets.value.find(({ port }) => port === portNumber);
  if (hasDevice || socket === undefined) return [];
  const holder = socket.holder === '' ? 'another socket' : socket.holder;
  return [
    {
      severity: 'error',
      what: `UDP port ${portNumber} is taken by ${holder}, and no VXLAN device of ours has it`,
      why: 'the kernel lets one socket have a port: the VXLAN device cannot be set up (EADDRINUSE)',
      do:
        `end that program (ss -ulpn sport = :${portNumber}), or set Backend.Port to ` +
        'another port; all nodes move to it without losing packets',
    },
  ];
}
