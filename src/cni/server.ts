// The unix socket that the CNI executable connects to. Each connection carries one call, whose
// first byte brings the namespace's descriptor, and is closed with the answer. It listens before
// the tombstones are read and answers after, so that a DEL is never between the two. Only root
// gets here: the directory is 0700.

import { chmodSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Poll } from '../kernel/libc.ts';
import { pollReadable } from '../kernel/libc.ts';
import {
  acceptUnix,
  closeDescriptor,
  DescriptorReceiver,
  listenUnix,
  sendUnix,
} from '../kernel/unix-socket.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { CNI_CODES, failure, renderFailure } from './errors.ts';
import type { CniFrame, CniReply, FrameDecode } from './frame.ts';
import { decodeRequest, encodeReply, FRAME_VERSION } from './frame.ts';
import { NEWEST_VERSION } from './version.ts';

/** The executable sends at once what it has; a connection that does not is not one of ours. */
const FRAME_TIMEOUT_MS = 5000;
/** It also reads at once what it gets. */
const REPLY_TIMEOUT_MS = 5000;
const FIRST_POLL_MS = 1;
const POLL_MAX_MS = 50;
const BACKLOG = 1024;
/** More calls at once are hung up on, which the executable turns into "try again later". */
const CONNECTIONS_MAX = 1024;
/** Calls that are at work when the server closes get this long. */
const CLOSE_TIMEOUT_MS = 5000;

export type CniServerOptions = {
  readonly socketPath: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Done after the socket listens and before the first call is answered. */
  prepare(): Promise<void>;
  handle(frame: CniFrame, netns: number | undefined): Promise<CniReply>;
};

type Listening = { readonly socket: number; readonly poll: Poll; readonly inode: number };

/** What came in by one connection. */
type Request = {
  readonly decoded: Exclude<FrameDecode, { kind: 'incomplete' }>;
  readonly netns: number | undefined;
};

export class CniServer {
  readonly #options: CniServerOptions;
  readonly #receiver = new DescriptorReceiver();
  readonly #calls = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #prepared: Promise<void> = Promise.resolve();
  #listening: Listening | undefined;

  constructor(options: CniServerOptions) {
    this.#options = options;
  }

  /** Resolves when calls are answered. Rejects with AppError when the socket cannot be made. */
  async start(): Promise<void> {
    const { socketPath } = this.#options;
    // Never reachable under its final name while it does not listen or has another mode.
    const temporary = `${socketPath}.new`;
    try {
      mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
      chmodSync(dirname(socketPath), 0o700);
      rmSync(temporary, { force: true });
      const socket = listenUnix(temporary, BACKLOG);
      const poll = pollReadable(socket, () => this.#accept());
      chmodSync(temporary, 0o600);
      this.#listening = { socket, poll, inode: statSync(temporary).ino };
      // Nobody can connect yet, so that no call is answered before this is set.
      this.#prepared = this.#publish(temporary);
      await this.#prepared;
    } catch (error) {
      this.#stopListening();
      throw new AppError('FILE', `listen on ${socketPath}`, describeError(error));
    }
  }

  async #publish(temporary: string): Promise<void> {
    renameSync(temporary, this.#options.socketPath);
    await this.#options.prepare();
  }

  /** Ends what is idle at once and waits a moment for calls that are at work. */
  async close(): Promise<void> {
    const { clock } = this.#options;
    this.#stopListening();
    const timeout = new AbortController();
    await Promise.race([Promise.all(this.#calls), clock.sleep(CLOSE_TIMEOUT_MS, timeout.signal)]);
    timeout.abort();
    this.#closing.abort();
    await Promise.all(this.#calls);
  }

  /** A successor may have put its own socket in the place: that stays. */
  #stopListening(): void {
    const { socketPath } = this.#options;
    const listening = this.#listening;
    if (listening === undefined) return;
    this.#listening = undefined;
    listening.poll.close();
    closeDescriptor(listening.socket);
    if (statSync(socketPath, { throwIfNoEntry: false })?.ino === listening.inode) {
      rmSync(socketPath);
    }
  }

  /** Must not throw: it is called from the loop. */
  #accept(): void {
    while (this.#listening !== undefined) {
      const socket = acceptUnix(this.#listening.socket);
      if (socket === undefined) return;
      if (this.#calls.size >= CONNECTIONS_MAX) {
        closeDescriptor(socket);
        continue;
      }
      const call = this.#serve(socket).catch((error: unknown) => {
        this.#options.log.error({ error: describeError(error) }, 'a CNI connection has failed');
      });
      this.#calls.add(call);
      void call.finally(() => this.#calls.delete(call));
    }
  }

  async #serve(socket: number): Promise<void> {
    const descriptors: number[] = [];
    try {
      const request = await this.#receive(socket, descriptors);
      if (request === undefined) return;
      // A peer that is gone needs no answer; what it asked for is finished all the same.
      await this.#send(socket, encodeReply(await this.#reply(request)));
    } finally {
      closeDescriptor(socket);
      for (const descriptor of descriptors) closeDescriptor(descriptor);
    }
  }

  /** `undefined` when the peer went away or took too long. Descriptors become the caller's. */
  async #receive(socket: number, descriptors: number[]): Promise<Request | undefined> {
    let bytes: Buffer | undefined;
    const wait = this.#patience(FRAME_TIMEOUT_MS);
    for (;;) {
      const received = this.#receiver.receive(socket);
      if (received.kind === 'failed') return undefined;
      if (received.kind === 'nothing-yet') {
        if (!(await wait())) return undefined;
        continue;
      }
      descriptors.push(...received.descriptors);
      if (received.bytes.length === 0) return undefined;
      bytes = bytes === undefined ? received.bytes : Buffer.concat([bytes, received.bytes]);
      const decoded = decodeRequest(bytes);
      if (decoded.kind !== 'incomplete') return { decoded, netns: descriptors[0] };
    }
  }

  async #send(socket: number, reply: Buffer): Promise<void> {
    const wait = this.#patience(REPLY_TIMEOUT_MS);
    for (let sentBytes = 0; sentBytes < reply.length; ) {
      const sent = sendUnix(socket, reply.subarray(sentBytes));
      if (sent < 0) return;
      sentBytes += sent;
      if (sent === 0 && !(await wait())) return;
    }
  }

  /** Waits a little, longer each time; false when there was time enough, or the server closes. */
  #patience(timeoutMs: number): () => Promise<boolean> {
    const { clock } = this.#options;
    const deadline = clock.monotonicMs() + timeoutMs;
    let pollMs = FIRST_POLL_MS;
    return async () => {
      if (this.#closing.signal.aborted || clock.monotonicMs() >= deadline) return false;
      await clock.sleep(pollMs, this.#closing.signal);
      pollMs = Math.min(pollMs * 2, POLL_MAX_MS);
      return true;
    };
  }

  async #reply({ decoded, netns }: Request): Promise<CniReply> {
    if (decoded.kind === 'frame') {
      await this.#prepared;
      return this.#options.handle(decoded.frame, netns);
    }
    const problem =
      decoded.kind === 'malformed'
        ? failure(CNI_CODES.decode, 'the frame is malformed', decoded.problem)
        : failure(
            CNI_CODES.incompatibleVersion,
            'unknown frame version',
            `the executable speaks version ${decoded.version}, the agent ${FRAME_VERSION}`,
          );
    this.#options.log.warn(problem, 'a CNI frame is refused');
    return { exitCode: 1, stdout: renderFailure(problem, NEWEST_VERSION) };
  }
}
