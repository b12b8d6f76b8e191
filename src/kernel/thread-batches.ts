// Carries out short rows of ops on another thread, while the main one goes on: making a pod's link
// and all that lies on it is the largest part of an ADD, and with fifty at once the main thread
// would wait for each. What is asked for while a batch is under way goes together in the next.

import { MessageWriter } from '../netlink/message.ts';
import type { Op } from '../state/op.ts';
import { NETLINK_ROUTE, NetlinkSocket } from './netlink-socket.ts';
import { readLinks } from './read.ts';
import type { Session } from './session.ts';
import type { Job } from './thread-try.ts';
import { isLinkAdd, tryInThread } from './thread-try.ts';

/** A job takes about a kilobyte and ten messages, and its caller waits for the whole batch. */
const JOBS_PER_BATCH = 8;
const WRITER_BYTES = 16 * 1024;
/**
 * Links get their index from us, so that what lies on them can be named in the batch that makes
 * them. The kernel's own numbers, which begin at 1, do not come near in the life of a node.
 */
const FIRST_INDEX = 100_000_000;
const LAST_INDEX = 0x7fffffff;

type Waiting = Job & { readonly settle: (done: readonly Op[]) => void };

export class ThreadBatches {
  readonly #session: Session;
  readonly #writer = new MessageWriter(WRITER_BYTES);
  readonly #socket: NetlinkSocket;
  #waiting: Waiting[] = [];
  #lastIndex = FIRST_INDEX - 1;
  #isWorking = false;
  #isClosed = false;

  constructor(session: Session) {
    const { netns, workspace } = session;
    this.#session = session;
    this.#socket = new NetlinkSocket({ protocol: NETLINK_ROUTE, netns, workspace });
    // A number that is taken would lead what is meant for the new link to the old one.
    readLinks(session);
  }

  /** By which the kernel names it in notifications. */
  get portId(): number {
    return this.#socket.portId;
  }

  /** Those of the ops that were carried out, as `tryInThread` says; then settles the links. */
  async carryOut(ops: readonly Op[], settles: readonly string[] = []): Promise<ReadonlySet<Op>> {
    const indexes = new Map(
      ops.filter(isLinkAdd).map(({ value }) => [value.name, this.#freeIndex()]),
    );
    const done = await new Promise<readonly Op[]>((settle) => {
      this.#waiting.push({ ops, indexes, settles, settle });
      if (!this.#isWorking) void this.#work();
    });
    return new Set(done);
  }

  /** What is under way ends first. */
  close(): void {
    this.#isClosed = true;
    if (!this.#isWorking) this.#socket.close();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, JOBS_PER_BATCH);
      const { observer } = this.#session;
      const indexes = batch.flatMap((job) => [...job.indexes.values()]);
      observer?.linksCome(indexes);
      const channel = { socket: this.#socket, writer: this.#writer };
      const done = await tryInThread(this.#session, channel, batch);
      observer?.beforeOwn();
      observer?.linksCame(indexes);
      for (const job of batch) job.settle(done.get(job) ?? []);
    }
    this.#isWorking = false;
    if (this.#isClosed) this.#socket.close();
  }

  #freeIndex(): number {
    do {
      this.#lastIndex = this.#lastIndex >= LAST_INDEX ? FIRST_INDEX : this.#lastIndex + 1;
    } while (this.#session.links.get(this.#lastIndex) !== undefined);
    return this.#lastIndex;
  }
}
