// Keeps the node's own advert published: when it changes, while the API refuses, and again when
// somebody else has changed it or the Node is a new one. It never holds up the loop. Two agents
// with one node name overwrite each other's adverts for ever, so the latter happens at a bounded
// rate. It also knows what peers may still believe: not what was published alone, since a watch may
// have broken in silence, but what came back counts.

import type { Advert, VxlanReceiver } from '../cluster/advert.ts';
import { renderAdvert, renderPromise } from '../cluster/advert.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Publication, Source } from '../source/source.ts';
import type { RunReason, RunResult } from './runner.ts';
import { BoundedRunner } from './runner.ts';
import { SOURCE_WRITE_LIMITS, trySourceWrite } from './source-write.ts';

/** Times in a row that it is put right at once, and how fast they are granted again. */
const REPAIRS_MAX = 10;
/** While the datastore refuses, the configuration may change any number of times. */
const POSSIBLE_MAX = 50;
const REPAIR_REFILL_MS = 5_000;

export type AdvertPublisherParts = {
  readonly source: Pick<Source, 'publish'>;
  readonly clock: Clock;
  readonly log: Log;
};

export class AdvertPublisher {
  readonly #parts: AdvertPublisherParts;
  readonly #runner: BoundedRunner;
  readonly #settled: () => void;
  /** Those that may be what peers read: the last one published, and all that were to be since. */
  #possible: readonly Advert[] = [];
  /**
   * Those before them. Who sends by them has said so before they were replaced, so that this node
   * knows of it as soon as it has read of its own Node what replaced them.
   */
  #replaced: readonly Advert[] = [];
  /** What the own advert as last read promises; undefined when it is too old to tell anything. */
  #read: string | undefined;
  #publication: Publication | undefined;
  #text = '';
  /** Of the last one that was taken. */
  #takenText = '';
  #repairs = REPAIRS_MAX;
  #refilledMs: number;

  /** `settled` is called when no peer is known to go by another advert than the last one. */
  constructor(parts: AdvertPublisherParts, settled: () => void = () => undefined) {
    this.#parts = parts;
    this.#settled = settled;
    this.#runner = new BoundedRunner(
      (stop, reason) => this.#publish(stop, reason),
      SOURCE_WRITE_LIMITS,
      parts.clock,
    );
    this.#refilledMs = parts.clock.monotonicMs();
  }

  /** By which VXLAN networks peers may believe that they can send to this node. */
  get promised(): readonly VxlanReceiver[] {
    return [...this.#replaced, ...this.#possible].flatMap(({ receives }) => receives.vxlan);
  }

  /** What is to be published from now on. */
  offer(publication: Publication): void {
    const text = `${publication.backend} ${renderAdvert(publication.advert)}`;
    if (text === this.#text) return;
    this.#text = text;
    this.#publication = publication;
    this.#possible = [...this.#possible.slice(-POSSIBLE_MAX), publication.advert];
    this.#runner.trigger();
  }

  /** Nothing is to be published: a node without a subnet has nothing to announce. */
  withhold(): void {
    this.#text = '';
    this.#takenText = '';
    this.#publication = undefined;
  }

  /** The own Node has changed, and says this: maybe the advert is not there any more. */
  look(advert: Advert | undefined): void {
    this.#read = advert && renderPromise(advert);
    this.#release();
    this.#runner.trigger();
  }

  run(stop: AbortSignal): Promise<void> {
    return this.#runner.run(stop);
  }

  /** Costs no request when the Node has it already. */
  async #publish(stop: AbortSignal, reason: RunReason): Promise<RunResult> {
    const publication = this.#publication;
    const text = this.#text;
    if (publication === undefined) return 'done';
    const isTaken = text === this.#takenText;
    // Who overwrites it all the time is answered by the slow tick.
    if (isTaken && reason !== 'routine' && !this.#mayRepair()) return 'done';
    const { source, log } = this.#parts;
    const notYet = 'the advert is not published yet';
    const write = async (signal: AbortSignal): Promise<void> => {
      const isWritten = await source.publish(publication, signal);
      if (isTaken && isWritten) this.#repairs -= 1;
      this.#takenText = text;
      this.#wasPublished(publication);
    };
    return trySourceWrite(write, { log, stop, notYet });
  }

  #mayRepair(): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    const granted = Math.floor((nowMs - this.#refilledMs) / REPAIR_REFILL_MS);
    this.#repairs = Math.min(REPAIRS_MAX, this.#repairs + granted);
    this.#refilledMs += granted * REPAIR_REFILL_MS;
    return this.#repairs > 0;
  }

  #wasPublished(publication: Publication): void {
    if (publication !== this.#publication || this.#possible.length === 1) return;
    // The one before has not come back yet: what was read is older, even if it says the same.
    if (this.#replaced.length > 0) this.#read = undefined;
    const before = this.#possible.filter((advert) => advert !== publication.advert);
    this.#replaced = [...this.#replaced, ...before].slice(-POSSIBLE_MAX);
    this.#possible = [publication.advert];
    this.#release();
  }

  #release(): void {
    const isOfNow = (advert: Advert): boolean => renderPromise(advert) === this.#read;
    // An advert may come back before the answer to the request that wrote it.
    if (this.#replaced.length === 0 || !this.#possible.some(isOfNow)) return;
    this.#replaced = [];
    this.#settled();
  }
}
