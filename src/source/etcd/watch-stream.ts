// One watch on etcd's bare stream, from its creation to its end: changes are handed on as soon as a
// revision is complete (a large one comes in fragments), and the end says whether the revision was
// compacted. It never tries again; that is the follower's.

import type { Etcd3, IWatchResponse } from 'etcd3';
import type { Clock } from '../../lib/clock.ts';
import type { WatchEnd, WatchRequest } from './api.ts';
import { EtcdError, failureOf } from './etcd-error.ts';
import type { WatchedChange } from './messages.ts';
import { changeOf, rangeRequest } from './messages.ts';

type WatchStream = Awaited<ReturnType<Etcd3['watchClient']['watch']>>;

export type WatchParts = {
  readonly stream: WatchStream;
  readonly request: WatchRequest;
  readonly clock: Clock;
  readonly openTimeoutMs: number;
  readonly stop: AbortSignal;
};

export async function readWatch(parts: WatchParts): Promise<WatchEnd> {
  const { stream, request, clock, openTimeoutMs, stop } = parts;
  const opening = new AbortController();
  const over = new AbortController();
  const ended = new Promise<WatchEnd>((resolve) => {
    const end = (how: WatchEnd): void => {
      over.abort();
      opening.abort();
      resolve(how);
    };
    const fail = (problem: string): void => end({ kind: 'ended', problem });
    stream.on('error', (error: unknown) => {
      fail(new EtcdError('watch', failureOf(error), error).message);
    });
    stream.on('end', () => fail('watch: the server ended it'));
    const reader = new AnswerReader(request, () => opening.abort());
    stream.on('data', (answer: IWatchResponse) => {
      // What was received but not read when the watch ended belongs to nobody any more.
      const how = over.signal.aborted ? undefined : reader.read(answer);
      if (how !== undefined) end(how);
    });
    if (stop.aborted) end({ kind: 'stopped' });
    const options = { once: true, signal: over.signal };
    stop.addEventListener('abort', () => end({ kind: 'stopped' }), options);
    void clock.sleep(openTimeoutMs, opening.signal).then(() => {
      if (!opening.signal.aborted) fail(`watch: not accepted within ${openTimeoutMs} ms`);
    });
    stream.write({
      create_request: {
        ...rangeRequest(request.range),
        start_revision: request.fromRevision,
        fragment: true,
      },
    });
  });
  const how = await ended;
  stream.cancel();
  return how;
}

class AnswerReader {
  readonly #request: WatchRequest;
  readonly #onCreated: () => void;
  #fragments: WatchedChange[] = [];

  constructor(request: WatchRequest, onCreated: () => void) {
    this.#request = request;
    this.#onCreated = onCreated;
  }

  /** The watch's end, when this is it. */
  read(answer: IWatchResponse): WatchEnd | undefined {
    if (answer.canceled) {
      if (Number(answer.compact_revision) > 0) return { kind: 'compacted' };
      return { kind: 'ended', problem: `watch: cancelled by etcd: ${answer.cancel_reason}` };
    }
    const { handlers, fromRevision } = this.#request;
    if (answer.created) {
      // A store that lost its data, or was restored, is behind what was seen of it.
      if (Number(answer.header.revision) + 1 < fromRevision) return { kind: 'compacted' };
      this.#onCreated();
      handlers.onOpen();
      return undefined;
    }
    for (const event of answer.events) this.#fragments.push(changeOf(event));
    if (answer.fragment) return undefined;
    const changes = this.#fragments;
    this.#fragments = [];
    if (changes.length === 0) return undefined;
    // Not the header's revision: that is the store's, also while older changes are still to come.
    const revisions = changes.map(({ revision }) => revision);
    handlers.onChanges(changes, Math.max(...revisions));
    return undefined;
  }
}
