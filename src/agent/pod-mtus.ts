// Keeps the MTUs of running pods as the node's paths ask for: they send no more than the smallest
// path in use takes, and are told so before a smaller path is used. What cannot be done, because a
// namespace is not visible, is named in `status` and tried again when something else is wanted, or
// half a minute later.

import type { RetuneOutcome, RetuneRequest } from '../cni/retune.ts';
import type { AttachmentStore } from '../cni/store.ts';
import type { Attachment } from '../endpoint/attachment.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { podName } from './pods.ts';

export type RetunePod = (request: RetuneRequest) => Promise<RetuneOutcome>;

type Mtus = { readonly link: number; readonly route: number };

type Failure = { readonly wanted: string; readonly text: string; readonly notBeforeMs: number };

const RETRY_MS = 30_000;

export class PodMtus {
  readonly #store: Pick<AttachmentStore, 'entries'>;
  readonly #retune: RetunePod;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By host link. */
  readonly #failures = new Map<string, Failure>();

  constructor(parts: {
    readonly store: Pick<AttachmentStore, 'entries'>;
    readonly retune: RetunePod;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#store = parts.store;
    this.#retune = parts.retune;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** One sentence for each pod that has not got its MTU. */
  get problems(): readonly string[] {
    return [...this.#failures.values()].map(({ text }) => text);
  }

  /**
   * Resolves when every pod has what is wanted, or cannot get it now: with the largest packet that
   * all of them receive, at most what is wanted. Peers may be told of no more, since a link's end
   * drops what is larger without a word.
   */
  async follow({ link: linkMtuBytes, route: routeMtuBytes }: Mtus): Promise<number> {
    const standing = this.#standing();
    const names = new Set(standing.map(({ hostLink }) => hostLink));
    for (const name of this.#failures.keys()) if (!names.has(name)) this.#failures.delete(name);
    const due = standing.filter(
      (attachment) =>
        attachment.routeMtuBytes !== routeMtuBytes || attachment.linkMtuBytes < linkMtuBytes,
    );
    await Promise.all(
      due.map((attachment) => this.#follow({ attachment, linkMtuBytes, routeMtuBytes })),
    );
    return this.#standing().reduce(
      (bytes, attachment) => Math.min(bytes, attachment.linkMtuBytes),
      linkMtuBytes,
    );
  }

  #standing(): readonly Attachment[] {
    return this.#store
      .entries()
      .filter(({ name, isLeaving }) => !name.isPending && !isLeaving)
      .flatMap(({ attachment }) => attachment ?? []);
  }

  async #follow(request: RetuneRequest): Promise<void> {
    const { attachment, linkMtuBytes, routeMtuBytes } = request;
    const { hostLink } = attachment;
    const wanted = `${linkMtuBytes} ${routeMtuBytes}`;
    const failure = this.#failures.get(hostLink);
    const nowMs = this.#clock.monotonicMs();
    if (failure?.wanted === wanted && nowMs < failure.notBeforeMs) return;
    const outcome = await this.#retune(request);
    if (outcome.kind !== 'failed') {
      this.#failures.delete(hostLink);
      return;
    }
    const text = `${describe(attachment)} instead of ${routeMtuBytes}: ${outcome.reason}`;
    if (failure?.text !== text) this.#log.warn({ hostLink }, text);
    this.#failures.set(hostLink, { wanted, text, notBeforeMs: nowMs + RETRY_MS });
  }
}

const describe = (attachment: Attachment): string =>
  `${podName(attachment)} goes on sending packets of ${attachment.routeMtuBytes} bytes`;
