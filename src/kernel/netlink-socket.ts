// One netlink socket that asks and is answered, all of it synchronously: the kernel works on a
// request inside `send`, so the answers are there when it returns. Batches are kept so small that
// their acknowledgements fit the default receive buffer. It never waits for an event.

import { assert } from '../lib/assert.ts';
import { AppError } from '../lib/errors.ts';
import type { Answer } from '../netlink/answer.ts';
import { decodeAnswer } from '../netlink/answer.ts';
import { NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP } from '../netlink/constants.ts';
import type { MessageCursor } from '../netlink/cursor.ts';
import type { MessageWriter, SequenceTest } from '../netlink/message.ts';
import {
  AF_NETLINK,
  bindSocket,
  closeSocket,
  ERRNO,
  errnoName,
  MSG_DONTWAIT,
  MSG_TRUNC,
  openSocket,
  receive,
  receiveInThread,
  receiveMany,
  type SocketOption,
  send,
  sendInThread,
  setSocketOption,
  socketName,
  socketOption64,
} from './libc.ts';
import { inOptionalNetns } from './netns.ts';
import type { Workspace } from './workspace.ts';

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

const SOL_NETLINK = 270;
const SO_NETNS_COOKIE: SocketOption = { level: 1, name: 71 };
const NETLINK_CAP_ACK: SocketOption = { level: SOL_NETLINK, name: 10 };
const NETLINK_EXT_ACK: SocketOption = { level: SOL_NETLINK, name: 11 };
const NETLINK_GET_STRICT_CHK: SocketOption = { level: SOL_NETLINK, name: 12 };

/** An acknowledgement takes up to 1.3 KB of the receive buffer, which has at least 208 KiB. */
export const MESSAGES_PER_BATCH = 128;
const DUMP_TRIES_MAX = 10;
const TOO_LONG = 'an answer is too long';
const LEFTOVER_READS_MAX = 100_000;

export type Visit = (message: MessageCursor) => void;

export type SocketSettings = {
  readonly protocol: number;
  readonly netns: number | undefined;
  /** Used from the sending of a batch until its answers are read. */
  readonly workspace: Workspace;
};

const SOCKADDR_NL_BYTES = 12;

/** Opens and binds to a port id that the kernel gives. */
export function openNetlink(settings: {
  readonly protocol: number;
  readonly netns: number | undefined;
}): number {
  const fd = inOptionalNetns(settings.netns, () => openSocket(AF_NETLINK, settings.protocol));
  const address = Buffer.alloc(SOCKADDR_NL_BYTES);
  address.writeUInt16LE(AF_NETLINK);
  bindSocket(fd, address);
  return fd;
}

/** The object is not there, or the kernel was built without its kind. */
const ABSENT: ReadonlySet<number> = new Set([ERRNO.ENOENT, ERRNO.EOPNOTSUPP]);

export class NetlinkSocket {
  #fd: number;
  #portId: number | undefined;
  readonly #workspace: Workspace;

  constructor(settings: SocketSettings) {
    const fd = openNetlink(settings);
    this.#fd = fd;
    // Kernels that lack one of these answer with less text or more than was asked for.
    setSocketOption(fd, NETLINK_CAP_ACK, 1);
    setSocketOption(fd, NETLINK_EXT_ACK, 1);
    setSocketOption(fd, NETLINK_GET_STRICT_CHK, 1);
    this.#workspace = settings.workspace;
  }

  /** By which the kernel names whoever caused a notification. */
  get portId(): number {
    this.#portId ??= this.#readPortId();
    return this.#portId;
  }

  /** Of the namespace that it is in; undefined before Linux 5.14. */
  get namespaceCookie(): bigint | undefined {
    return socketOption64(this.#fd, SO_NETNS_COOKIE);
  }

  /**
   * Sends a batch, which is empty then, and returns how each failed message of it failed, by
   * sequence number. Every message must be answered exactly once: by an acknowledgement, or by an
   * object that goes to `visit`.
   */
  exchange(batch: MessageWriter, visit?: Visit): ReadonlyMap<number, Answer> {
    const { count } = batch;
    const asked = this.send(batch);
    return this.#collect(asked, { answers: count, visit });
  }

  /** The same without holding up the main thread while the kernel works. */
  async exchangeInThread(
    batch: MessageWriter,
    visit?: Visit,
  ): Promise<ReadonlyMap<number, Answer>> {
    const { count } = batch;
    const asked = batch.sequences();
    const sent = await sendInThread(this.#fd, batch.bytes());
    batch.clear();
    if (sent < 0) throw new AppError('SYSCALL', 'send to netlink socket', 'it failed');
    return this.#collect(asked, { answers: count, visit });
  }

  /**
   * Sends a batch whose messages are answered once, several times or not at all, as an nftables
   * transaction, and reads all that there is to read.
   */
  transact(batch: MessageWriter): ReadonlyMap<number, Answer> {
    return this.#collect(this.send(batch), { answers: Number.POSITIVE_INFINITY });
  }

  /** What answers an earlier question, which somebody gave up, is passed over. */
  #collect(
    asked: SequenceTest,
    { answers, visit }: { readonly answers: number; readonly visit?: Visit | undefined },
  ): ReadonlyMap<number, Answer> {
    const failures = new Map<number, Answer>();
    let missing = answers;
    this.#cleanly(() => {
      while (missing > 0) {
        const isLeft = this.#receiveMany((message) => {
          if (!asked(message.sequence)) return;
          missing -= 1;
          if (message.type !== NLMSG_ERROR) visit?.(message);
          else {
            const answer = decodeAnswer(message);
            if (answer.errno !== 0) failures.set(message.sequence, answer);
          }
        });
        if (!isLeft) break;
      }
    });
    assert(missing <= 0 || missing === Number.POSITIVE_INFINITY, 'the kernel left out an answer');
    return failures;
  }

  /** Asks for many objects. Throws what the kernel reports; begins anew when they changed. */
  dump(write: (writer: MessageWriter) => void, writer: MessageWriter, pass: DumpPass): void {
    for (let attempt = 1; attempt <= DUMP_TRIES_MAX; attempt += 1) {
      pass.restart();
      // While an earlier dump is not read to its end the kernel refuses another (EBUSY).
      this.#drain();
      writer.clear();
      write(writer);
      const asked = this.send(writer);
      if (this.#cleanly(() => this.#receiveDump(pass, asked))) return;
    }
    throw new AppError('NETLINK', pass.operation, 'it changes faster than it can be read');
  }

  /**
   * `dump` for what takes the kernel long: it works on another thread, and nothing else may use
   * this socket or its workspace until all is read. Once; the kernel must not interrupt such dumps.
   */
  async dumpInThread(batch: MessageWriter, pass: Omit<DumpPass, 'restart'>): Promise<void> {
    const { buffer } = this.#workspace;
    const asked = batch.sequences();
    const sent = await sendInThread(this.#fd, batch.bytes());
    batch.clear();
    if (sent < 0) throw new AppError('SYSCALL', 'send to netlink socket', 'it failed');
    for (;;) {
      const length = await receiveInThread(this.#fd, buffer, MSG_TRUNC);
      if (length < 0) throw new AppError('SYSCALL', pass.operation, 'it failed');
      if (this.#visitPart(pass, asked, length) !== 'more') return;
    }
  }

  close(): void {
    closeSocket(this.#fd);
    // The number may soon be another file's.
    this.#fd = -1;
  }

  /** Sends a batch and empties it; returns which numbers its answers have. */
  send(batch: MessageWriter): SequenceTest {
    const asked = batch.sequences();
    const sent = send(this.#fd, batch.bytes());
    // Whatever came of it: another batch, to another namespace perhaps, begins empty.
    batch.clear();
    if (sent < 0) throw new AppError('SYSCALL', 'send to netlink socket', errnoName(-sent));
    return asked;
  }

  #readPortId(): number {
    const address = Buffer.alloc(SOCKADDR_NL_BYTES);
    socketName(this.#fd, address);
    return address.readUInt32LE(4);
  }

  /** Leaves no answer behind for the next request when `work` fails in the middle. */
  #cleanly<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      this.#drain();
      throw error;
    }
  }

  #drain(): void {
    for (let reads = 0; reads < LEFTOVER_READS_MAX; reads += 1) {
      if (receive(this.#fd, this.#workspace.buffer, MSG_DONTWAIT) < 0) break;
    }
  }

  /** Reads some of what is there; false when nothing was left. */
  #receiveMany(visit: Visit): boolean {
    const { vector, cursor } = this.#workspace;
    const datagrams = receiveMany(this.#fd, vector, MSG_DONTWAIT);
    if (datagrams === -ERRNO.EINTR) return true;
    if (datagrams === -ERRNO.EAGAIN) return false;
    if (datagrams < 0) {
      throw new AppError('SYSCALL', 'receive from netlink socket', errnoName(-datagrams));
    }
    for (let slot = 0; slot < datagrams; slot += 1) {
      if (vector.truncated(slot)) {
        throw new AppError('NETLINK', 'receive from netlink socket', TOO_LONG);
      }
      cursor.load(slot * vector.slotBytes, vector.lengthBytes(slot));
      while (cursor.next()) visit(cursor);
    }
    return true;
  }

  /** Whether the dump was whole; false when it was interrupted by a change. */
  #receiveDump(pass: DumpPass, asked: SequenceTest): boolean {
    let interrupted = false;
    for (;;) {
      const length = receive(this.#fd, this.#workspace.buffer, MSG_TRUNC);
      if (length === -ERRNO.EINTR) continue;
      if (length < 0) throw new AppError('SYSCALL', pass.operation, errnoName(-length));
      const part = this.#visitPart(pass, asked, length);
      if (part === 'interrupted') interrupted = true;
      else if (part !== 'more') return part === 'end' && !interrupted;
    }
  }

  /** What has been received; `interrupted` when there is more and the dump is not whole. */
  #visitPart(
    pass: Omit<DumpPass, 'restart'>,
    asked: SequenceTest,
    length: number,
  ): 'more' | 'interrupted' | 'end' | 'interrupted-end' {
    const { buffer, cursor } = this.#workspace;
    if (length > buffer.length) throw new AppError('NETLINK', pass.operation, TOO_LONG);
    let interrupted = false;
    cursor.load(0, length);
    while (cursor.next()) {
      const { type, flags, sequence } = cursor;
      if (!asked(sequence)) continue;
      if ((flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
      if (type === NLMSG_DONE || type === NLMSG_ERROR) {
        const answer = decodeAnswer(cursor);
        const isAbsent = ABSENT.has(answer.errno) && pass.absent !== undefined;
        if (isAbsent) pass.absent?.();
        else if (answer.errno !== 0) throw failureOf(pass.operation, answer);
        return interrupted ? 'interrupted-end' : 'end';
      }
      if (type > NLMSG_NOOP) pass.visit(cursor);
    }
    return interrupted ? 'interrupted' : 'more';
  }
}

/** What is done with the objects of a dump; `restart` forgets those of an interrupted try. */
export type DumpPass = {
  readonly operation: string;
  restart(): void;
  visit: Visit;
  /** What the objects belong to is not there (any more); without this it is an error. */
  readonly absent?: () => void;
};

export const failureOf = (operation: string, answer: Answer): AppError =>
  new AppError(
    'NETLINK',
    operation,
    answer.text === '' ? errnoName(answer.errno) : `${errnoName(answer.errno)}: ${answer.text}`,
  );
