// The port to ICMP echo: requests to peers' subnet addresses, which their kernels answer by
// themselves, and the answers that come back. echo-socket.ts is the real one. Nothing is judged
// here: who did not answer is src/agent/path-prober.ts.

import type { Ip } from '../net/ip.ts';

export type EchoRequest = {
  readonly destination: Ip;
  /** 0 to 65535; comes back with the answer. */
  readonly sequence: number;
  /** Of the whole IP packet, which is never fragmented. */
  readonly packetBytes: number;
  /** Takes the way of the probes' routing table. */
  readonly isMarked: boolean;
};

export interface Echo {
  /** Why it could not be sent, in words; undefined when it was. */
  send(request: EchoRequest): string | undefined;
  /** Calls `answered` for each answer, until `close`. Once. */
  listen(answered: (from: Ip, sequence: number) => void): void;
  close(): void;
}
