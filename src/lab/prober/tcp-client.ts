// One TCP connection from inside one namespace to a TCP responder: sends a payload, ends its side,
// and compares the answer's digest with its own.

import { createHash } from 'node:crypto';
import { Socket } from 'node:net';
import { SOCK_STREAM } from '../../kernel/inet-socket.ts';
import type { SocketAddress } from '../../kernel/socket-address.ts';
import type { Clock } from '../../lib/clock.ts';
import { familyOf } from '../../net/ip.ts';
import { openSocketIn } from './open-socket.ts';
import { describeErrno } from './socket-error.ts';
import type { TcpAnswer } from './tcp-responder.ts';

export type TcpAsk = {
  readonly netns: number;
  readonly remote: SocketAddress;
  readonly payload: Buffer;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly stop: AbortSignal;
};

export type TcpOutcome =
  | { readonly kind: 'answered'; readonly seenSource: string }
  | { readonly kind: 'failed'; readonly error: string };

/** An answer is much shorter. */
const ANSWER_BYTES_MAX = 4096;

/**
 * A connection that is there has so much longer for the payload: it takes many packets, whose ends
 * are read by a process that is busy with all other pairs.
 */
const TIMES_WHEN_CONNECTED = 4;

/** Resolves after some times `timeoutMs` at the latest, or soon after `stop`. */
export async function askByTcp(ask: TcpAsk): Promise<TcpOutcome> {
  const kind = { family: familyOf(ask.remote.address), type: SOCK_STREAM };
  const socket = new Socket({ fd: openSocketIn(ask.netns, kind, () => 0), allowHalfOpen: true });
  const finished = new AbortController();
  const signal = AbortSignal.any([ask.stop, finished.signal]);
  try {
    return await Promise.race([converse(socket, ask), late(socket, ask, signal)]);
  } finally {
    finished.abort();
    socket.destroy();
  }
}

function converse(socket: Socket, { remote, payload }: TcpAsk): Promise<TcpOutcome> {
  return new Promise((resolve) => {
    let answer = '';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const { errno } = error;
      const reason = errno === undefined ? error.message : describeErrno(-errno);
      resolve({ kind: 'failed', error: reason });
    });
    socket.on('data', (chunk) => {
      if (answer.length < ANSWER_BYTES_MAX) answer += String(chunk);
    });
    socket.on('end', () => resolve(judge(answer, payload)));
    socket.connect({ host: remote.address, port: remote.port }, () => socket.end(payload));
  });
}

function judge(text: string, payload: Buffer): TcpOutcome {
  const answer = parseAnswer(text);
  if (answer === undefined) return { kind: 'failed', error: 'the answer was cut off' };
  if (answer.sha256 === createHash('sha256').update(payload).digest('hex')) {
    return { kind: 'answered', seenSource: answer.seenSource };
  }
  const { seenBytes } = answer;
  const error = `the receiver read ${seenBytes} bytes that are not the ${payload.length} sent`;
  return { kind: 'failed', error };
}

function parseAnswer(text: string): TcpAnswer | undefined {
  try {
    // The other end is this program's own responder: only its end can be missing.
    return JSON.parse(text) as TcpAnswer;
  } catch {
    return undefined;
  }
}

async function late(
  socket: Socket,
  { payload, timeoutMs, clock }: TcpAsk,
  signal: AbortSignal,
): Promise<TcpOutcome> {
  await clock.sleep(timeoutMs, signal);
  if (socket.connecting) return { kind: 'failed', error: `no connection within ${timeoutMs} ms` };
  await clock.sleep(timeoutMs * (TIMES_WHEN_CONNECTED - 1), signal);
  const allMs = timeoutMs * TIMES_WHEN_CONNECTED;
  const error = `connected, but no answer to ${payload.length} bytes within ${allMs} ms`;
  return { kind: 'failed', error };
}
