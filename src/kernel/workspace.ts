// What a synchronous exchange with the kernel needs for its own length: the arena that requests are
// written into, the buffer that answers are received into, and the texts of addresses. Kernels of
// one process share one, since only one of them can be in the middle of an exchange; so that
// opening a pod's namespace for one call costs no buffers. What is sent by another thread needs its
// own.

import { AddressText } from '../netlink/address-text.ts';
import { MessageCursor } from '../netlink/cursor.ts';
import { MessageWriter } from '../netlink/message.ts';
import { DatagramVector } from './libc.ts';

/** The kernel fills at most 32 KiB at once; more lets more acknowledgements come together. */
const RECEIVE_BYTES = 64 * 1024;
const SLOT_BYTES = 4096;
const WRITER_BYTES = 32 * 1024;

export class Workspace {
  readonly text = new AddressText();
  readonly writer = new MessageWriter(WRITER_BYTES);
  readonly buffer = Buffer.allocUnsafeSlow(RECEIVE_BYTES);
  readonly cursor = new MessageCursor(this.buffer, this.text);
  readonly vector = new DatagramVector(this.buffer, RECEIVE_BYTES / SLOT_BYTES);
}
