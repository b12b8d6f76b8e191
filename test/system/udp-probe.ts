// A small process for one network namespace of a test: it answers UDP on given addresses with the
// source that it saw, and sends questions itself. Talks JSON lines: in {from, to, payload,
// timeoutMs}; out {ready}, {seen: {payload, from, to}}, {answer: {payload, text}}, where the text
// is the source that the receiver saw, or null when no answer came. Ends when stdin ends.
// Usage: udp-probe.ts PORT ADDRESS…

import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { argv, stdin } from 'node:process';
import { createInterface } from 'node:readline';

type Question = {
  readonly from: string;
  readonly to: string;
  readonly payload: string;
  readonly timeoutMs: number;
};

const typeOf = (address: string): 'udp4' | 'udp6' =>
  isIPv6(address.split('%')[0] ?? '') ? 'udp6' : 'udp4';

const print = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};

function serve(address: string, port: number): Promise<() => void> {
  const socket = createSocket(typeOf(address));
  socket.on('message', (message, { address: from, port: fromPort }) => {
    print({ seen: { payload: message.toString(), from, to: address } });
    // An unreachable sender is what some tests are about.
    socket.send(from, fromPort, from, () => undefined);
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(() => socket.close());
    });
  });
}

function ask({ from, to, payload, timeoutMs }: Question, port: number): Promise<void> {
  const socket = createSocket(typeOf(from));
  return new Promise((resolve) => {
    const done = (text: string | null): void => {
      clearTimeout(timer);
      socket.close();
      print({ answer: { payload, text } });
      resolve();
    };
    const timer = setTimeout(() => done(null), timeoutMs);
    socket.once('message', (message) => done(message.toString()));
    socket.once('error', () => done(null));
    socket.bind(0, from, () => socket.send(payload, port, to, () => undefined));
  });
}

const [portText = '', ...addresses] = argv.slice(2);
const port = Number(portText);
const closers = await Promise.all(addresses.map((address) => serve(address, port)));
print({ ready: true });
for await (const line of createInterface({ input: stdin })) await ask(JSON.parse(line), port);
for (const close of closers) close();
