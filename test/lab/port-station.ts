// A process for one network namespace of a test: it serves ports, and asks others. Whoever asks is
// answered with the source address that was seen. SCTP is spoken by hand, an INIT and its INIT ACK
// over raw sockets, since not every kernel has sockets for it. JSON lines on stdin: {id, protocol,
// to, port, from?, sourcePort?}; on stdout {ready} and {id, seen}, where null means no answer.
// Usage: port-station.ts TIMEOUT-MS [PROTOCOL:PORT…]

import { createSocket } from 'node:dgram';
import { connect, createServer, isIPv6 } from 'node:net';
import { argv, stdin } from 'node:process';
import { createInterface } from 'node:readline';
import {
  openInetSocket,
  receiveDatagram,
  SOCK_RAW,
  sendDatagram,
} from '../../src/kernel/inet-socket.ts';
import { closeSocket, pollReadable } from '../../src/kernel/libc.ts';
import { decodeSocketAddress, encodeSocketAddress } from '../../src/kernel/socket-address.ts';
import type { Family } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import { initAck, initPacket, parseSctp } from './sctp-packet.ts';

type Question = {
  readonly id: number;
  readonly protocol: string;
  readonly to: string;
  readonly port: number;
  readonly sourcePort?: number;
};

const IPPROTO_SCTP = 132;
const timeoutMs = Number(argv[2]);
const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const familyOf = (address: string): Family => (isIPv6(address) ? 'ipv6' : 'ipv4');

async function serve(protocol: string, port: number): Promise<void> {
  for (const family of ['ipv4', 'ipv6'] as const) {
    if (protocol === 'tcp') await serveTcp(family, port);
    else if (protocol === 'udp') await serveUdp(family, port);
    else serveSctp(family, port);
  }
}

function serveTcp(family: Family, port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(socket.remoteAddress ?? '');
  });
  const host = family === 'ipv6' ? '::' : '0.0.0.0';
  return new Promise((resolve) => server.listen({ port, host, ipv6Only: true }, resolve));
}

function serveUdp(family: Family, port: number): Promise<void> {
  const socket = createSocket(
    family === 'ipv6' ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' },
  );
  socket.on('message', (_, from) => socket.send(from.address, from.port, from.address));
  return new Promise((resolve) => socket.bind(port, resolve));
}

type RawPacket = { readonly from: Ip; readonly bytes: Buffer };

type RawSocket = { send(to: string, bytes: Buffer): void; close(): void };

/** Calls `receive` for each SCTP packet. */
function openSctp(family: Family, receive: (packet: RawPacket) => void): RawSocket {
  const fd = openInetSocket(family, SOCK_RAW, IPPROTO_SCTP);
  const [buffer, from] = [Buffer.alloc(2048), Buffer.alloc(28)];
  const poll = pollReadable(fd, () => {
    for (;;) {
      const length = receiveDatagram(fd, buffer, from);
      if (length < 0) return;
      const { address } = decodeSocketAddress(from) ?? {};
      if (address === undefined) continue;
      // IPv4 comes with its header.
      const start = family === 'ipv4' ? (buffer.readUInt8(0) & 15) * 4 : 0;
      receive({ from: address, bytes: Buffer.from(buffer.subarray(start, length)) });
    }
  });
  return {
    send: (to, bytes) =>
      void sendDatagram(fd, bytes, encodeSocketAddress({ address: to as Ip, port: 0 })),
    close: () => {
      poll.close();
      closeSocket(fd);
    },
  };
}

function serveSctp(family: Family, port: number): void {
  const socket = openSctp(family, ({ from, bytes }) => {
    const packet = parseSctp(bytes);
    if (packet?.chunk !== 'INIT' || packet.destinationPort !== port) return;
    socket.send(from, initAck(packet, from));
  });
}

function ask(question: Question): Promise<string | null> {
  if (question.protocol === 'tcp') return askTcp(question);
  return question.protocol === 'udp' ? askUdp(question) : askSctp(question);
}

function askTcp({ to, port }: Question): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port });
    let text = '';
    const end = (answer: string | null): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => end(null));
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.on('end', () => end(text));
    socket.on('error', () => end(null));
  });
}

function askUdp({ to, port, sourcePort = 0 }: Question): Promise<string | null> {
  const socket = createSocket(isIPv6(to) ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const end = (answer: string | null): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), timeoutMs);
    socket.once('message', (bytes) => end(bytes.toString()));
    socket.once('error', () => end(null));
    socket.bind(sourcePort, () => socket.send('?', port, to, () => undefined));
  });
}

let sctpPort = 30_000;

function askSctp({ to, port }: Question): Promise<string | null> {
  sctpPort += 1;
  const sourcePort = sctpPort;
  return new Promise((resolve) => {
    const end = (answer: string | null): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(null), timeoutMs);
    const socket = openSctp(familyOf(to), ({ bytes }) => {
      const packet = parseSctp(bytes);
      if (packet?.chunk === 'INIT ACK' && packet.destinationPort === sourcePort) end(packet.text);
    });
    socket.send(to, initPacket({ sourcePort, destinationPort: port }));
  });
}

for (const word of argv.slice(3)) {
  const [protocol = '', port] = word.split(':');
  await serve(protocol, Number(port));
}
print({ ready: true });
createInterface({ input: stdin })
  .on('line', (line) => {
    const question: Question = JSON.parse(line);
    void ask(question).then((seen) => print({ id: question.id, seen }));
  })
  .on('close', () => process.exit(0));
