// The unix socket that the CNI executable connects to. Each connection carries one call: the first
// bytes are taken by recvmsg, since the namespace's descriptor comes with them, the rest (if any)
// by Node.js. It listens before the tombstones are read and answers after, so that a DEL is never
// between the two. Only root gets here: the directory is 0700.

import { chmodSync, closeSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import type { Received } from '../kernel/receive-descriptor.ts';
import { receiveWithDescriptors } from '../kernel/receive-descriptor.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { CNI_CODES, failure, renderFailure } from './errors.ts';
import type { CniFrame, CniReply, FrameDecode } from './frame.ts';
import { decodeRequest, encodeReply, FRAME_VERSION } from './frame.ts';
import { NEWEST_VERSION } from './version.ts';

/** The executable sends at once what it has; a connection that does not is not one of ours. */
const FRAME_TIMEOUT_MS = 5000;
const FIRST_POLL_MS = 1;
const POLL_MAX_MS = 50;
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

export class CniServer {
  readonly #options: CniServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #calls = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #prepared: Promise<void> = Promise.resolve();
  /** Of the socket file: a successor may have put its own in the place. */
  #inode: number | undefined;

  constructor(options: CniServerOptions) {
    this.#options = options;
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Resolves when calls are answered. Rejects with AppError when the socket cannot be made. */
  async start(): Promise<void> {
    const { socketPath } = this.#options;
    // Never reachable under its final name while it does not listen or has another mode.
    const temporary = `${socketPath}.new`;
    const operation = `listen on ${socketPath}`;
    try {
      mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
      chmodSync(dirname(socketPath), 0o700);
      rmSync(temporary, { force: true });
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(temporary, () => {
          this.#server.off('error', reject);
          resolve();
        });
      });
      this.#server.on('error', (error) => {
        this.#options.log.error({ error: describeError(error) }, 'the CNI socket has failed');
      });
      chmodSync(temporary, 0o600);
      this.#inode = statSync(temporary).ino;
      // Nobody can connect yet, so that no call is answered before this is set.
      this.#prepared = this.#publish(temporary);
      await this.#prepared;
    } catch (error) {
      throw new AppError('FILE', operation, describeError(error));
    }
  }

  async #publish(temporary: string): Promise<void> {
    renameSync(temporary, this.#options.socketPath);
    await this.#options.prepare();
  }

  /** Ends what is idle at once and waits a moment for calls that are at work. */
  async close(): Promise<void> {
    const { socketPath, clock } = this.#options;
    this.#server.close();
    if (statSync(socketPath, { throwIfNoEntry: false })?.ino === this.#inode) rmSync(socketPath);
    const timeout = new AbortController();
    await Promise.race([Promise.all(this.#calls), clock.sleep(CLOSE_TIMEOUT_MS, timeout.signal)]);
    timeout.abort();
    this.#closing.abort();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#calls);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    // A peer that is gone needs no answer; what it asked for is finished all the same.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    const call = this.#serve(socket).catch((error: unknown) => {
      this.#options.log.error({ error: describeError(error) }, 'a CNI connection has failed');
      socket.destroy();
    });
    this.#calls.add(call);
    void call.finally(() => this.#calls.delete(call));
  }

  async #serve(socket: Socket): Promise<void> {
    const first = await this.#receiveFirst(socket);
    if (first === undefined) {
      socket.destroy();
      return;
    }
    try {
      const decoded = await this.#receiveRest(socket, first.bytes);
      if (decoded === undefined) {
        socket.destroy();
        return;
      }
      const reply = await this.#reply(decoded, first.descriptors[0]);
      if (!socket.destroyed) socket.end(encodeReply(reply));
    } finally {
      for (const descriptor of first.descriptors) closeSync(descriptor);
    }
  }

  /** The bytes that the descriptor comes with. They are there nearly always when we look. */
  async #receiveFirst(
    socket: Socket,
  ): Promise<Extract<Received, { kind: 'received' }> | undefined> {
    const { clock } = this.#options;
    const deadline = clock.monotonicMs() + FRAME_TIMEOUT_MS;
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 2, POLL_MAX_MS)) {
      const descriptor = descriptorOf(socket);
      if (descriptor === undefined) return undefined;
      const received = receiveWithDescriptors(descriptor);
      if (received.kind === 'failed') return undefined;
      if (received.kind === 'received') return received.bytes.length === 0 ? undefined : received;
      if (this.#closing.signal.aborted || clock.monotonicMs() >= deadline) return undefined;
      await clock.sleep(pollMs, this.#closing.signal);
    }
  }

  /** `undefined` when the peer went away or took too long. */
  async #receiveRest(
    socket: Socket,
    first: Buffer,
  ): Promise<Exclude<FrameDecode, { kind: 'incomplete' }> | undefined> {
    const decoded = decodeRequest(first);
    socket.setTimeout(decoded.kind === 'incomplete' ? FRAME_TIMEOUT_MS : 0);
    if (decoded.kind !== 'incomplete') {
      // Without a reader a half-closed socket would never be noticed.
      socket.resume();
      return decoded;
    }
    return new Promise((resolve) => {
      const chunks = [first];
      let length = first.length;
      let needed = decoded.neededBytes;
      const finish = (result: Exclude<FrameDecode, { kind: 'incomplete' }> | undefined): void => {
        socket.setTimeout(0);
        socket.removeAllListeners('data');
        resolve(result);
      };
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length < needed) return;
        const again = decodeRequest(Buffer.concat(chunks));
        if (again.kind === 'incomplete') needed = again.neededBytes;
        else finish(again);
      });
      socket.once('timeout', () => finish(undefined));
      socket.once('close', () => finish(undefined));
      socket.resume();
    });
  }

  async #reply(
    decoded: Exclude<FrameDecode, { kind: 'incomplete' }>,
    netns: number | undefined,
  ): Promise<CniReply> {
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

/** Node.js does not tell a socket's descriptor; its handle has it since the first version. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}
