// Notices that somebody else undoes what Poplin puts back, again and again. Two owners that fight
// keep each other and the kernel busy for ever: so the repair of that one object waits ever longer,
// while all others go on at once. Bookkeeping alone: it knows objects by their keys, and says how
// long each has to wait. What is wanted otherwise than before is no repair, and begins anew.

import type { Clock } from '../lib/clock.ts';

/** More repairs of one object than this within the window are a fight. */
const REPAIRS_MAX = 20;
const WINDOW_MS = 60_000;
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;
/** Who has left the object alone for so long does not fight any more. */
const QUIET_MS = 10_000;
/** Of a fight about hundreds of objects so many are named. */
const NAMED_MAX = 5;

/** What is wanted of an object. */
export type Repair = {
  readonly key: string;
  /** The same as long as the same is wanted. */
  readonly intent: string;
  /** What to call the object. */
  readonly name: string;
};

type Fight = {
  readonly since: Date;
  repairs: number;
  pauseMs: number;
  /** The next repair is not before. */
  notBeforeMs: number;
  /** When it was last found undone, or put back. */
  lastMs: number;
};

type Repairs = Omit<Repair, 'key'> & {
  /** When it was put back, at most REPAIRS_MAX times. */
  readonly timesMs: number[];
  fight: Fight | undefined;
};

export class Fights {
  readonly #clock: Clock;
  readonly #records = new Map<string, Repairs>();
  /** Those of them that are fought about; passes ask for nothing else. */
  readonly #fought = new Set<Repairs>();
  #forgottenMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many objects are fought about. */
  get count(): number {
    return this.#fought.size;
  }

  /** In words: what, how often, since when. */
  get descriptions(): readonly string[] {
    return this.#describe(({ name }, { repairs, since }) => {
      const often = `${repairs} times since ${since.toISOString()}`;
      return `${name}: put right ${often}, and undone by somebody each time`;
    });
  }

  /** The same without what changes while it goes on. */
  get names(): readonly string[] {
    return this.#describe(({ name }) => `${name}: somebody undoes each repair`);
  }

  /** When something is due without any news: a repair, or the end of a fight. */
  get dueAfterMs(): number | undefined {
    const nowMs = this.#clock.monotonicMs();
    const dueMs = this.#fights().map(([, { notBeforeMs, lastMs }]) => {
      const endMs = lastMs + QUIET_MS;
      return notBeforeMs > nowMs ? Math.min(notBeforeMs, endMs) : endMs;
    });
    return dueMs.length === 0 ? undefined : Math.max(0, Math.min(...dueMs) - nowMs);
  }

  isFought(key: string): boolean {
    return this.#records.get(key)?.fight !== undefined;
  }

  /** How long this repair has to wait. To be asked whenever the object is found undone. */
  waitMs({ key, intent }: Pick<Repair, 'key' | 'intent'>): number {
    const record = this.#records.get(key);
    if (record?.fight === undefined || record.intent !== intent) return 0;
    const nowMs = this.#clock.monotonicMs();
    record.fight.lastMs = nowMs;
    return Math.max(0, record.fight.notBeforeMs - nowMs);
  }

  /** The object was put right. */
  repaired(repair: Repair): void {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#records.get(repair.key);
    const record = known?.intent === repair.intent ? known : this.#begin(repair);
    if (record.fight !== undefined) goOn(record.fight, nowMs);
    else this.#count(record, nowMs);
  }

  /** After each pass: fights that are over end, and what was repaired long ago is forgotten. */
  look(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [record, { lastMs }] of this.#fights()) {
      if (nowMs - lastMs < QUIET_MS) continue;
      this.#fought.delete(record);
      record.timesMs.length = 0;
      record.fight = undefined;
    }
    if (nowMs - this.#forgottenMs < WINDOW_MS) return;
    this.#forgottenMs = nowMs;
    for (const [key, { fight, timesMs }] of this.#records) {
      const isOld = nowMs - (timesMs.at(-1) ?? 0) > WINDOW_MS;
      if (fight === undefined && isOld) this.#records.delete(key);
    }
  }

  #begin({ key, intent, name }: Repair): Repairs {
    const before = this.#records.get(key);
    if (before !== undefined) this.#fought.delete(before);
    const record = { intent, name, timesMs: [], fight: undefined };
    this.#records.set(key, record);
    return record;
  }

  #count(record: Repairs, nowMs: number): void {
    const { timesMs } = record;
    const firstMs = timesMs[0] ?? nowMs;
    timesMs.push(nowMs);
    if (timesMs.length <= REPAIRS_MAX) return;
    if (nowMs - firstMs > WINDOW_MS) {
      timesMs.shift();
      return;
    }
    record.fight = {
      since: new Date(this.#clock.now().getTime() - (nowMs - firstMs)),
      repairs: timesMs.length,
      pauseMs: FIRST_PAUSE_MS,
      notBeforeMs: nowMs + FIRST_PAUSE_MS,
      lastMs: nowMs,
    };
    this.#fought.add(record);
  }

  #fights(): (readonly [Repairs, Fight])[] {
    const fights: (readonly [Repairs, Fight])[] = [];
    for (const record of this.#fought) {
      if (record.fight !== undefined) fights.push([record, record.fight]);
    }
    return fights;
  }

  #describe(words: (record: Repairs, fight: Fight) => string): readonly string[] {
    const fights = this.#fights();
    const named = fights.slice(0, NAMED_MAX).map(([record, fight]) => words(record, fight));
    const more = fights.length - named.length;
    return more === 0 ? named : [...named, `and ${more} further objects`];
  }
}

function goOn(fight: Fight, nowMs: number): void {
  fight.repairs += 1;
  fight.pauseMs = Math.min(fight.pauseMs * 2, LAST_PAUSE_MS);
  fight.notBeforeMs = nowMs + fight.pauseMs;
  fight.lastMs = nowMs;
}
