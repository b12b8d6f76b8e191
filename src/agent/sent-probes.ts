// The probes that were sent and are waited for, by the sequence number that an answer repeats: it
// tells of which path an answer is. Nothing here decides when something is sent or given up.

import type { Echo } from '../kernel/echo.ts';
import type { Ip } from '../net/ip.ts';
import type { PathTrack as Track } from './path-track.ts';
import { NONE } from './path-track.ts';

const SEQUENCES = 0x10000;

export class SentProbes {
  readonly #echo: Echo;
  readonly #bySequence = new Map<number, Track>();
  #last = 0;

  constructor(echo: Echo) {
    this.#echo = echo;
  }

  /** Returns the sequence number; why it could not be sent becomes the problem of the track. */
  send(track: Track, packetBytes: number): number {
    const { destination, isMarked } = track.probe;
    this.#last = (this.#last + 1) % SEQUENCES;
    const sequence = this.#last;
    const failure = this.#echo.send({ destination, sequence, packetBytes, isMarked });
    if (failure === undefined) this.#bySequence.set(sequence, track);
    else track.problem = `a probe of ${packetBytes} bytes cannot be sent: ${failure}`;
    return sequence;
  }

  /** Whose last answer this is; undefined while more are waited for, or if it is of no use. */
  answered(from: Ip, sequence: number): Track | undefined {
    const track = this.#bySequence.get(sequence);
    if (track === undefined || track.probe.destination !== from) return undefined;
    this.#bySequence.delete(sequence);
    if (sequence === track.small) track.small = NONE;
    else track.full = NONE;
    return track.small === NONE && track.full === NONE ? track : undefined;
  }

  stopWaiting(track: Track): void {
    this.#bySequence.delete(track.small);
    this.#bySequence.delete(track.full);
    track.small = NONE;
    track.full = NONE;
    track.answerDueMs = undefined;
  }
}
