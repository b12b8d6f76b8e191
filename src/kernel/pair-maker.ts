// Makes veth pairs on a thread of its own: registering two devices is the largest part of an ADD,
// and with many ADDs at once the main thread does the others' work meanwhile. Pairs that are asked
// for while some are being made go together in the next batch. It only tries: what the kernel
// refuses is not judged here but tried again by the caller, who knows what may stand in the way.

import { AppError } from '../lib/errors.ts';
import { NLM_F_REQUEST } from '../netlink/constants.ts';
import { decodeLink, encodeLinkQuery } from '../netlink/link.ts';
import { MessageWriter } from '../netlink/message.ts';
import type { Op } from '../state/op.ts';
import { requestLinkAdd } from './link-requests.ts';
import type { LinkAdd } from './link-touches.ts';
import { NETLINK_ROUTE, NetlinkSocket } from './netlink-socket.ts';
import type { Session } from './session.ts';

/** A pair takes about half a kilobyte, and its caller waits for the whole batch. */
const PAIRS_PER_BATCH = 8;
const WRITER_BYTES = 8 * 1024;

type Job = { readonly op: LinkAdd; readonly settle: (isMade: boolean) => void };

export class PairMaker {
  readonly #session: Session;
  readonly #writer = new MessageWriter(WRITER_BYTES);
  #socket: NetlinkSocket | undefined;
  #waiting: Job[] = [];
  #isWorking = false;
  #isClosed = false;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Those of the ops that were carried out but for what a link cannot be made with. */
  async make(ops: readonly LinkAdd[]): Promise<ReadonlySet<Op>> {
    const made = new Set<Op>();
    const results = ops.map(
      (op) =>
        new Promise<void>((resolve) => {
          const settle = (isMade: boolean): void => {
            if (isMade) made.add(op);
            resolve();
          };
          this.#waiting.push({ op, settle });
        }),
    );
    if (!this.#isWorking) void this.#work();
    await Promise.all(results);
    return made;
  }

  /** What is under way ends first. */
  close(): void {
    this.#isClosed = true;
    if (this.#isWorking) return;
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Never rejects: the kernel's refusals and those of the socket are the same to the callers. */
  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, PAIRS_PER_BATCH);
      const { observer } = this.#session;
      for (const { op } of batch) observer?.linkComes(op.value.name);
      const made = await this.#makeBatch(batch.map(({ op }) => op));
      observer?.beforeOwn();
      for (const { op } of batch) observer?.linkCame(op.value.name);
      for (const { op, settle } of batch) settle(made.has(op));
    }
    this.#isWorking = false;
    if (this.#isClosed) this.close();
  }

  async #makeBatch(ops: readonly LinkAdd[]): Promise<ReadonlySet<Op>> {
    const { links, netns, workspace } = this.#session;
    const sequences = new Map<number, LinkAdd>();
    const found = new Set<string>();
    try {
      this.#socket ??= new NetlinkSocket({ protocol: NETLINK_ROUTE, netns, workspace });
      for (const op of ops) this.#write(op, sequences);
      const failures = await this.#socket.exchangeInThread(this.#writer, (message) => {
        const link = decodeLink(message);
        links.set(link);
        found.add(link.name);
      });
      const made = [...sequences].filter(([sequence]) => !failures.has(sequence));
      return new Set(made.map(([, op]) => op).filter(({ value }) => found.has(value.name)));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#writer.clear();
      return new Set();
    }
  }

  /** The pair, and the question what index it got. */
  #write(op: LinkAdd, sequences: Map<number, LinkAdd>): void {
    const resolver = { session: this.#session, link: noLink };
    try {
      sequences.set(requestLinkAdd(resolver, op.value, this.#writer), op);
      encodeLinkQuery(this.#writer, NLM_F_REQUEST, { name: op.value.name });
    } catch (error) {
      // Before anything was written: its namespace is not held, or it has no other end.
      if (!(error instanceof AppError)) throw error;
    }
  }
}

/** A pair names no other link. */
const noLink = (name: string): number => {
  throw new AppError('NETLINK', `look up link ${name}`, 'a pair is made without it');
};
