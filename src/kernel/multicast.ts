// A netlink socket that listens to notifications, on the main loop without a thread. It hands
// every message to its owner and says when some were lost; it never throws out of the loop's
// callback. The three traps of koffi.node.poll are handled here: the handle is kept, nothing is
// thrown in its callback, and it is started again after an overflow, which stops it.

import type { Log } from '../lib/log.ts';
import type { AddressText } from '../netlink/address-text.ts';
import { MessageCursor } from '../netlink/cursor.ts';
import {
  closeSocket,
  DatagramVector,
  ERRNO,
  errnoName,
  MSG_DONTWAIT,
  type Poll,
  pollReadable,
  receiveMany,
  type SocketOption,
  setSocketOption,
} from './libc.ts';
import { openNetlink } from './netlink-socket.ts';

const NETLINK_ADD_MEMBERSHIP: SocketOption = { level: 270, name: 1 };
const SO_RCVBUF: SocketOption = { level: 1, name: 8 };
const SO_RCVBUFFORCE: SocketOption = { level: 1, name: 33 };
/** Room for a burst while the main thread is busy; it costs memory only while it is used. */
const KERNEL_BUFFER_BYTES = 4 * 1024 * 1024;
const SLOTS = 32;
/** A link's notification with all its counters has about 2 KB. */
const SLOT_BYTES = 8192;
/** After so many reads other work comes first; the loop calls again for the rest. */
const READS_MAX = 10_000;

export type MulticastSettings = {
  readonly protocol: number;
  readonly groups: readonly number[];
  readonly netns: number | undefined;
  readonly text: AddressText;
  readonly log: Log;
  message(message: MessageCursor): void;
  /** Notifications were lost. */
  overflow(): void;
  /** All that was there has been handed over, by the loop's own call. */
  drained(): void;
};

export class MulticastSocket {
  readonly #fd: number;
  readonly #settings: MulticastSettings;
  readonly #vector: DatagramVector;
  readonly #cursor: MessageCursor;
  readonly #poll: Poll;
  #closed = false;

  constructor(settings: MulticastSettings) {
    this.#settings = settings;
    this.#fd = openNetlink(settings);
    if (!setSocketOption(this.#fd, SO_RCVBUFFORCE, KERNEL_BUFFER_BYTES)) {
      setSocketOption(this.#fd, SO_RCVBUF, KERNEL_BUFFER_BYTES);
    }
    for (const group of settings.groups) {
      // Older kernels lack the newer groups; then there is nothing to be told either.
      if (!setSocketOption(this.#fd, NETLINK_ADD_MEMBERSHIP, group)) {
        settings.log.warn({ group }, 'the kernel has no such notifications');
      }
    }
    const buffer = Buffer.allocUnsafeSlow(SLOTS * SLOT_BYTES);
    this.#vector = new DatagramVector(buffer, SLOTS);
    this.#cursor = new MessageCursor(buffer, settings.text);
    this.#poll = pollReadable(this.#fd, () => this.#readable());
  }

  /** Hands over all messages that are there now. */
  drain(): void {
    if (this.#closed) return;
    for (let reads = 0; reads < READS_MAX; reads += 1) {
      const count = receiveMany(this.#fd, this.#vector, MSG_DONTWAIT);
      if (count === -ERRNO.EAGAIN) return;
      if (count === -ERRNO.EINTR) continue;
      if (count === -ERRNO.ENOBUFS) {
        this.#settings.overflow();
        continue;
      }
      if (count < 0) {
        this.#settings.log.error({ error: errnoName(-count) }, 'cannot read notifications');
        this.#settings.overflow();
        return;
      }
      for (let slot = 0; slot < count; slot += 1) this.#datagram(slot);
    }
  }

  close(): void {
    this.#closed = true;
    this.#poll.close();
    closeSocket(this.#fd);
  }

  #datagram(slot: number): void {
    if (this.#vector.truncated(slot)) {
      this.#settings.overflow();
      return;
    }
    try {
      this.#cursor.load(slot * this.#vector.slotBytes, this.#vector.lengthBytes(slot));
      while (this.#cursor.next()) this.#settings.message(this.#cursor);
    } catch (error) {
      // What cannot be understood may be anything.
      this.#settings.log.error({ error }, 'a notification was not understood');
      this.#settings.overflow();
    }
  }

  #readable(): void {
    try {
      this.drain();
      this.#settings.drained();
    } catch (error) {
      this.#settings.log.error({ error }, 'a notification was not handled');
    }
    // An overflow shows as an error on the descriptor, at which libuv stops the handle. The event
    // that it calls back with does not say so on every version, and starting twice does no harm.
    if (!this.#closed) this.#poll.start();
  }
}
