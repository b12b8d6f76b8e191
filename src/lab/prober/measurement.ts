// Measures what is lost between pods while something happens to their network: for each pair a UDP
// probe at a fixed interval, sent by the one and the other in turn, and one long-lived TCP stream.
// Each question is answered, so packets go both ways at that interval, and both ends are here: of
// every packet it is known whether it arrived. What is measured begins when all have been heard.

import { closeSync } from 'node:fs';
import { openNetns } from '../../kernel/netns.ts';
import { encodeSocketAddress } from '../../kernel/socket-address.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Family } from '../../net/family.ts';
import type { Ip } from '../../net/ip.ts';
import { familyOf } from '../../net/ip.ts';
import type { DirectionSummary } from './direction-log.ts';
import { DirectionLog } from './direction-log.ts';
import type { StreamSummary } from './echo-stream.ts';
import { EchoStream, openEchoServer } from './echo-stream.ts';
import type { MeasureMessage } from './measure-message.ts';
import { decodeMeasureMessage, encodeMeasureMessage } from './measure-message.ts';
import { MeasuringSocket } from './measuring-socket.ts';
import { describeErrno } from './socket-error.ts';
import type { TcpServer } from './tcp-server.ts';

export type MeasuredPair = { readonly from: string; readonly to: string; readonly family: Family };

export type MeasurementPlan = {
  readonly stations: readonly {
    readonly name: string;
    /** Path of the namespace. */
    readonly netns: string;
    readonly addresses: readonly Ip[];
  }[];
  /** Each pair once, whatever the order of its ends. */
  readonly pairs: readonly MeasuredPair[];
  /** Between the probes of one pair. */
  readonly intervalMs: number;
};

export type MeasurementResult = {
  /** Both directions of each pair: what was sent in it, as a question or an answer. */
  readonly pairs: readonly (MeasuredPair & DirectionSummary & { readonly error: string })[];
  readonly streams: readonly (MeasuredPair & StreamSummary)[];
  /** Packets that arrived and were dropped because they were not read in time. */
  readonly overflowCount: number;
  /** Times in which nothing was sent because this process did not get to it. */
  readonly stalls: { readonly count: number; readonly longestMs: number };
  /** Ways on which nothing had come through when it began, however long that was waited for. */
  readonly unheard: readonly MeasuredPair[];
  /** By the wall clock, for whoever looks into the logs of that time. */
  readonly startedAt: string;
  readonly durationMs: number;
};

/** Of a pair's probes to one write on its stream. */
export const PROBES_PER_WRITE = 25;
const HEARD_MIN = 3;
const HEARD_TIMEOUT_MS = 5_000;
const LAST_ANSWER_TIMEOUT_MS = 2_000;
/** TCP sends again after up to a second when much was lost in a row. */
const STREAM_TIMEOUT_MS = 10_000;
const POLL_MS = 10;
const STALL_MS = 50;
/** Probes that are sent late all the same; of more, the rest is left out. */
const CATCH_UP_PROBES = 5;

type Direction = {
  readonly pair: MeasuredPair;
  readonly socket: MeasuringSocket;
  readonly remote: Buffer;
  log: DirectionLog;
  error: string;
};

/** Directions 2n and 2n + 1 are those of pair n. */
type Turn = { readonly index: number; dueMs: number; count: number; readonly stream: EchoStream };

export class Measurement {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #descriptors: number[] = [];
  readonly #sockets = new Map<string, MeasuringSocket>();
  readonly #servers = new Map<string, TcpServer>();
  readonly #directions: Direction[] = [];
  readonly #turns: Turn[] = [];
  #run: number;
  #next = 0;
  #startedMs = 0;
  #startedAt = '';
  #unheard: readonly MeasuredPair[] = [];
  #lastSentMs = 0;
  #dropsBefore = 0;
  #stalls = { count: 0, longestMs: 0 };

  private constructor(clock: Clock, { intervalMs, run }: { intervalMs: number; run: number }) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#run = run;
  }

  /** `run` tells the packets of several measurements apart. Rejects when a pod is not there. */
  static async open(plan: MeasurementPlan, clock: Clock, run: number): Promise<Measurement> {
    const measurement = new Measurement(clock, { intervalMs: plan.intervalMs, run });
    try {
      const netnsOf = await measurement.#openStations(plan.stations);
      for (const pair of plan.pairs) measurement.#addPair(pair, netnsOf);
      return measurement;
    } catch (error) {
      await measurement.close();
      throw error;
    }
  }

  /** Sends until `stop`; calls `ready` when what is measured begins. */
  async probe(ready: () => void, stop: AbortSignal): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    for (const [number, turn] of this.#turns.entries()) {
      turn.dueMs = startMs + (number * this.#intervalMs) / this.#turns.length;
    }
    let isReady = false;
    while (!stop.aborted) {
      const nowMs = this.#clock.monotonicMs();
      if (!isReady && (this.#hasHeardAll() || nowMs - startMs > HEARD_TIMEOUT_MS)) {
        isReady = true;
        this.#begin(nowMs);
        ready();
      }
      const nextMs = this.#sendDue(nowMs);
      await this.#clock.sleep(Math.max(0, nextMs - this.#clock.monotonicMs()), stop);
    }
  }

  /** Waits for the last answers, as long as they may take. */
  async result(stop: AbortSignal): Promise<MeasurementResult> {
    const endedMs = this.#clock.monotonicMs();
    const span = { startedAtMs: this.#startedMs, endedAtMs: endedMs };
    const isWhole = (): boolean => this.#directions.every(({ log }) => log.missingCount === 0);
    await this.#until(isWhole, LAST_ANSWER_TIMEOUT_MS, stop);
    const isBack = (): boolean => this.#turns.every(({ stream }) => stream.isFinished);
    await this.#until(isBack, STREAM_TIMEOUT_MS, stop);
    return {
      pairs: this.#directions.map(({ pair, log, error }) => ({
        ...{ ...pair, ...log.summary(span), error },
      })),
      streams: this.#turns.map(({ index, stream }) => ({
        ...{ ...this.#direction(index).pair, ...stream.summary() },
      })),
      overflowCount: this.#dropCount() - this.#dropsBefore,
      stalls: this.#stalls,
      unheard: this.#unheard,
      startedAt: this.#startedAt,
      durationMs: endedMs - this.#startedMs,
    };
  }

  async close(): Promise<void> {
    for (const { stream } of this.#turns) stream.close();
    for (const socket of this.#sockets.values()) socket.close();
    for (const server of this.#servers.values()) await server.close();
    for (const fd of this.#descriptors) closeSync(fd);
  }

  async #openStations(stations: MeasurementPlan['stations']): Promise<Map<string, number>> {
    const netnsOf = new Map<string, number>();
    for (const { name, netns, addresses } of stations) {
      const { fd } = openNetns(netns);
      this.#descriptors.push(fd);
      netnsOf.set(name, fd);
      for (const address of addresses) {
        const place = placeOf(name, familyOf(address));
        const local = { address, port: 0 };
        this.#sockets.set(place, new MeasuringSocket(fd, local, (bytes) => this.#take(bytes)));
        this.#servers.set(place, await openEchoServer(fd, local));
      }
    }
    return netnsOf;
  }

  #addPair(pair: MeasuredPair, netnsOf: ReadonlyMap<string, number>): void {
    const { from, to, family } = pair;
    const index = this.#directions.length;
    for (const direction of [pair, { from: to, to: from, family }]) {
      const socket = this.#sockets.get(placeOf(direction.from, family));
      const peer = this.#sockets.get(placeOf(direction.to, family));
      assert(socket !== undefined && peer !== undefined, 'both ends of a pair have the family');
      const remote = encodeSocketAddress(peer.address);
      const log = new DirectionLog();
      this.#directions.push({ pair: direction, socket, remote, log, error: '' });
    }
    const server = this.#servers.get(placeOf(to, family));
    const netns = netnsOf.get(from);
    assert(server !== undefined && netns !== undefined, 'both ends of a pair are stations');
    this.#turns.push({ index, dueMs: 0, count: 0, stream: new EchoStream(netns, server.address) });
  }

  #hasHeardAll(): boolean {
    return (
      !this.#directions.some(isUnheard) && this.#turns.every(({ stream }) => stream.isConnected)
    );
  }

  /** Forgets what was before: first packets may be lost while neighbours resolve. */
  #begin(nowMs: number): void {
    this.#run += 1;
    this.#unheard = this.#directions.filter(isUnheard).map(({ pair }) => pair);
    for (const direction of this.#directions) {
      direction.log = new DirectionLog();
      direction.error = '';
    }
    this.#stalls = { count: 0, longestMs: 0 };
    this.#dropsBefore = this.#dropCount();
    this.#startedMs = nowMs;
    this.#startedAt = this.#clock.now().toISOString();
    this.#lastSentMs = nowMs;
  }

  /** Returns when the next one is due. They are due one after the other, round and round. */
  #sendDue(nowMs: number): number {
    for (;;) {
      const turn = this.#turns[this.#next];
      assert(turn !== undefined, 'there is a pair to measure');
      if (turn.dueMs > nowMs) return turn.dueMs;
      this.#next = (this.#next + 1) % this.#turns.length;
      this.#noteSending(nowMs);
      // First the one end asks, then the other.
      this.#send('question', turn.index + (turn.count % 2));
      if (turn.count % PROBES_PER_WRITE === 0) turn.stream.write();
      turn.count += 1;
      const earliestMs = nowMs - CATCH_UP_PROBES * this.#intervalMs;
      turn.dueMs = Math.max(turn.dueMs, earliestMs) + this.#intervalMs;
    }
  }

  #noteSending(nowMs: number): void {
    const pauseMs = nowMs - this.#lastSentMs;
    this.#lastSentMs = nowMs;
    if (pauseMs <= STALL_MS) return;
    const { count, longestMs } = this.#stalls;
    this.#stalls = { count: count + 1, longestMs: Math.max(longestMs, pauseMs) };
  }

  #send(kind: MeasureMessage['kind'], index: number): void {
    const direction = this.#direction(index);
    const sequence = direction.log.sent(this.#clock.monotonicMs());
    const message = { kind, run: this.#run, direction: index, sequence };
    const result = direction.socket.send(encodeMeasureMessage(message), direction.remote);
    if (result < 0) direction.error = describeErrno(-result);
  }

  /** Runs on the main loop and must not throw: what is not of this measurement is left alone. */
  #take(bytes: Buffer): void {
    const message = decodeMeasureMessage(bytes);
    if (message === undefined || message.run !== this.#run) return;
    const direction = this.#directions[message.direction];
    if (direction === undefined || !direction.log.arrived(message.sequence)) return;
    if (message.kind === 'question') this.#send('answer', oppositeOf(message.direction));
  }

  #direction(index: number): Direction {
    const direction = this.#directions[index];
    assert(direction !== undefined, `there is a direction ${index}`);
    return direction;
  }

  #dropCount(): number {
    return [...this.#sockets.values()].reduce((sum, { dropCount }) => sum + dropCount, 0);
  }

  async #until(isDone: () => boolean, timeoutMs: number, stop: AbortSignal): Promise<void> {
    const endMs = this.#clock.monotonicMs() + timeoutMs;
    while (!isDone() && !stop.aborted && this.#clock.monotonicMs() < endMs) {
      await this.#clock.sleep(POLL_MS, stop);
    }
  }
}

const isUnheard = ({ log }: Direction): boolean => log.arrivedCount < HEARD_MIN;
const placeOf = (name: string, family: Family): string => `${name} ${family}`;
const oppositeOf = (direction: number): number => direction ^ 1;
