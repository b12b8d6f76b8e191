// Asks the network whether another machine has an address of this one (RFC 5227, section 2.1.1):
// an ARP request for it with no sender address, which teaches nobody anything and which only a
// machine answers that has the address. Needs CAP_NET_RAW. One socket per question.

import type { Clock } from '../lib/clock.ts';
import type { Ip } from '../net/ip.ts';
import { ipFromBytes, ipToBytes } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import { macFromBytes, macToBytes } from '../net/mac.ts';
import {
  bindSocket,
  closeSocket,
  indexOfLink,
  MSG_DONTWAIT,
  openSocket,
  receive,
  send,
} from './libc.ts';

const AF_PACKET = 17;
const ETH_P_ARP = 0x0806;
const FRAME_BYTES = 42;
const SOCKADDR_LL_BYTES = 20;
const REPLY = 2;
const REQUESTS = 2;
const WAIT_MS = 150;
const POLL_MS = 10;

export type ArpQuestion = { readonly address: Ip; readonly link: string; readonly own: Mac };

/** The Ethernet addresses of all others that have it. Rejects with AppError. */
export async function whoElseHas(
  question: ArpQuestion,
  clock: Clock,
  stop?: AbortSignal,
): Promise<readonly Mac[]> {
  const protocol = Buffer.alloc(2);
  protocol.writeUInt16BE(ETH_P_ARP);
  const fd = openSocket(AF_PACKET, protocol.readUInt16LE());
  try {
    bindSocket(fd, linkAddress(question.link));
    const found = new Set<Mac>();
    for (let count = 0; count < REQUESTS; count += 1) {
      send(fd, requestFor(question));
      const endMs = clock.monotonicMs() + WAIT_MS;
      while (clock.monotonicMs() < endMs && stop?.aborted !== true) {
        takeAnswers(fd, question, found);
        await clock.sleep(POLL_MS, stop);
      }
    }
    takeAnswers(fd, question, found);
    return [...found];
  } finally {
    closeSocket(fd);
  }
}

/** struct sockaddr_ll of packet(7). */
function linkAddress(link: string): Buffer {
  const address = Buffer.alloc(SOCKADDR_LL_BYTES);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_ARP, 2);
  address.writeInt32LE(indexOfLink(link), 4);
  return address;
}

function requestFor({ address, own }: ArpQuestion): Buffer {
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.fill(0xff, 0, 6);
  frame.set(macToBytes(own), 6);
  frame.writeUInt16BE(ETH_P_ARP, 12);
  // Ethernet, IPv4, lengths of both, request.
  frame.set([0, 1, 8, 0, 6, 4, 0, 1], 14);
  frame.set(macToBytes(own), 22);
  frame.set(ipToBytes(address), 38);
  return frame;
}

function takeAnswers(fd: number, { address, own }: ArpQuestion, found: Set<Mac>): void {
  const frame = Buffer.alloc(128);
  for (;;) {
    const length = receive(fd, frame, MSG_DONTWAIT);
    if (length < 0) return;
    if (length < FRAME_BYTES || frame.readUInt16BE(20) !== REPLY) continue;
    const mac = macFromBytes(frame.subarray(22, 28));
    if (ipFromBytes(frame.subarray(28, 32)) === address && mac !== own) found.add(mac);
  }
}
