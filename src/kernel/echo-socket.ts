// ICMP echo by raw sockets (raw(7), RFC 792, RFC 4443), one for each family, opened with the first
// request. The packets are marked or not one by one (SO_MARK), so that both kinds share a socket;
// they are never fragmented, and what the kernel believes of a path's MTU does not hold them back
// (IP_PMTUDISC_PROBE). Needs CAP_NET_RAW; the mark needs CAP_NET_ADMIN.

import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import type { Echo, EchoRequest } from './echo.ts';
import { openInetSocket, receiveDatagram, SOCK_RAW, sendDatagram } from './inet-socket.ts';
import type { Poll, SocketOption } from './libc.ts';
import { closeSocket, errnoName, pollReadable, setSocketBytes, setSocketOption } from './libc.ts';
import { decodeSocketAddress, encodeSocketAddress } from './socket-address.ts';

const ICMP_HEADER_BYTES = 8;
const DATAGRAM_BYTES_MAX = 2048;
const SOCKADDR_BYTES_MAX = 28;
/** Answers taken per turn of the loop. */
const DRAIN_MAX = 256;
const SO_MARK: SocketOption = { level: 1, name: 36 };
const PMTUDISC_PROBE = 3;

type Protocol = {
  readonly number: number;
  readonly ipHeaderBytes: number;
  readonly request: number;
  readonly reply: number;
  readonly options: readonly { readonly option: SocketOption; readonly value: number }[];
  /** Lets nothing but echo replies through (linux/icmp.h, linux/icmpv6.h: a set bit blocks). */
  readonly filter: { readonly option: SocketOption; readonly bytes: Buffer };
};

const PROTOCOLS: Readonly<Record<Family, Protocol>> = {
  ipv4: {
    number: 1,
    ipHeaderBytes: 20,
    request: 8,
    reply: 0,
    options: [{ option: { level: 0, name: 10 /* IP_MTU_DISCOVER */ }, value: PMTUDISC_PROBE }],
    filter: { option: { level: 255, name: 1 /* ICMP_FILTER */ }, bytes: allBut(4, 0) },
  },
  ipv6: {
    number: 58,
    ipHeaderBytes: 40,
    request: 128,
    reply: 129,
    options: [
      { option: { level: 41, name: 23 /* IPV6_MTU_DISCOVER */ }, value: PMTUDISC_PROBE },
      { option: { level: 41, name: 62 /* IPV6_DONTFRAG */ }, value: 1 },
    ],
    filter: { option: { level: 58, name: 1 /* ICMPV6_FILTER */ }, bytes: allBut(32, 129) },
  },
};

type Socket = { readonly fd: number; readonly poll: Poll; mark: number };

export class EchoSocket implements Echo {
  readonly #mark: number;
  /** Tells our answers from those of others' pings. */
  readonly #identifier: number;
  readonly #sockets = new Map<Family, Socket>();
  readonly #buffer = Buffer.alloc(DATAGRAM_BYTES_MAX);
  /** Of the last request; all behind its header is 0. */
  #message = Buffer.alloc(DATAGRAM_BYTES_MAX);
  readonly #from = Buffer.alloc(SOCKADDR_BYTES_MAX);
  #answered: (from: Ip, sequence: number) => void = () => undefined;

  constructor(settings: { readonly mark: number; readonly identifier: number }) {
    this.#mark = settings.mark;
    this.#identifier = settings.identifier & 0xffff;
  }

  send({ destination, sequence, packetBytes, isMarked }: EchoRequest): string | undefined {
    const family = familyOf(destination);
    const socket = this.#socketOf(family);
    if (typeof socket === 'string') return socket;
    const mark = isMarked ? this.#mark : 0;
    if (socket.mark !== mark) {
      if (!setSocketOption(socket.fd, SO_MARK, mark)) return 'packets cannot be marked';
      socket.mark = mark;
    }
    const message = this.#encode(family, sequence, packetBytes);
    const sent = sendDatagram(
      socket.fd,
      message,
      encodeSocketAddress({ address: destination, port: 0 }),
    );
    return sent < 0 ? errnoName(-sent) : undefined;
  }

  listen(answered: (from: Ip, sequence: number) => void): void {
    this.#answered = answered;
  }

  close(): void {
    for (const { fd, poll } of this.#sockets.values()) {
      poll.close();
      closeSocket(fd);
    }
    this.#sockets.clear();
  }

  #socketOf(family: Family): Socket | string {
    const known = this.#sockets.get(family);
    if (known !== undefined) return known;
    const { number, options, filter } = PROTOCOLS[family];
    let fd: number;
    try {
      fd = openInetSocket(family, SOCK_RAW, number);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    for (const { option, value } of options) setSocketOption(fd, option, value);
    setSocketBytes(fd, filter.option, filter.bytes);
    const socket = { fd, poll: pollReadable(fd, () => this.#readable(family, fd)), mark: 0 };
    this.#sockets.set(family, socket);
    return socket;
  }

  #encode(family: Family, sequence: number, packetBytes: number): Buffer {
    const { request, ipHeaderBytes } = PROTOCOLS[family];
    const lengthBytes = Math.max(ICMP_HEADER_BYTES, packetBytes - ipHeaderBytes);
    if (this.#message.length < lengthBytes) this.#message = Buffer.alloc(lengthBytes);
    const message = this.#message.subarray(0, lengthBytes);
    message.fill(0, 0, ICMP_HEADER_BYTES);
    message.writeUInt8(request, 0);
    message.writeUInt16BE(this.#identifier, 4);
    message.writeUInt16BE(sequence, 6);
    // Of IPv6 the kernel does it, since it knows the source address.
    const header = message.subarray(0, ICMP_HEADER_BYTES);
    if (family === 'ipv4') message.writeUInt16BE(checksum(header), 2);
    return message;
  }

  /** Runs on the main loop and must not throw (libc.ts). */
  #readable(family: Family, fd: number): void {
    for (let count = 0; count < DRAIN_MAX && this.#sockets.has(family); count += 1) {
      const length = receiveDatagram(fd, this.#buffer, this.#from);
      if (length < 0) break;
      this.#take(family, this.#buffer.subarray(0, length));
    }
    this.#sockets.get(family)?.poll.start();
  }

  #take(family: Family, packet: Buffer): void {
    // A raw IPv4 socket is given the IP header too.
    const start = family === 'ipv4' ? ((packet[0] ?? 0) & 0xf) * 4 : 0;
    if (packet.length < start + ICMP_HEADER_BYTES) return;
    if (packet.readUInt8(start) !== PROTOCOLS[family].reply) return;
    if (packet.readUInt16BE(start + 4) !== this.#identifier) return;
    const from = decodeSocketAddress(this.#from);
    if (from !== undefined) this.#answered(from.address, packet.readUInt16BE(start + 6));
  }
}

function allBut(lengthBytes: number, type: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes, 0xff);
  const at = (type >> 5) * 4;
  bytes.writeUInt32LE((0xffffffff & ~(1 << (type & 31))) >>> 0, at);
  return bytes;
}

/** RFC 1071; what is 0 adds nothing. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  if (bytes.length % 2 === 1) sum += (bytes[bytes.length - 1] ?? 0) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
