// A BIRD of the tests: it takes configurations from the fake directory as the real one does, takes
// them back when its time is over, and has the sessions that a test says. Held equal to the real
// one by test/system/bird, where the same keeper runs with both.

import type { BirdFiles } from '../../src/agent/bird-files.ts';
import type { Bird } from '../../src/bird/bird.ts';
import type { BirdSession } from '../../src/bird/sessions.ts';

export class FakeBirdFiles implements BirdFiles {
  readonly good = '/bird/bird.conf';
  readonly candidate = '/bird/candidate.conf';
  readonly texts = new Map<string, string>();
  refused: string | undefined;
  isFull = false;

  readGood = (): string | undefined => this.texts.get(this.good);
  writeGood = (text: string): void => this.#write(this.good, text);
  writeCandidate = (text: string): void => this.#write(this.candidate, text);
  promote = (): void => {
    this.#write(this.good, this.texts.get(this.candidate) ?? '');
    this.texts.delete(this.candidate);
  };
  dropCandidate = (): void => void this.texts.delete(this.candidate);
  refusal = (): string | undefined => this.refused;

  #write(path: string, text: string): void {
    if (this.isFull) throw new Error('no space left on device');
    this.texts.set(path, text);
  }
}

export class FakeBird implements Bird {
  readonly ended: Promise<string>;
  readonly asked: string[] = [];
  running = '';
  before = '';
  isPending = false;
  isRecovering = false;
  /** The neighbours whose sessions are up by a text; those that are named there are wanted. */
  upBy: (text: string) => readonly string[] = () => [];
  /** Neighbours whose sessions it is still ending, whatever the text says. */
  ending: readonly string[] = [];
  refuses: (text: string) => string | undefined = () => undefined;
  readonly #files: FakeBirdFiles;
  #end: (why: string) => void = () => undefined;

  constructor(files: FakeBirdFiles) {
    this.#files = files;
    this.running = files.readGood() ?? '';
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  die(): void {
    this.#end('BIRD has closed the connection');
  }

  close(): void {
    this.#end('the connection was closed');
  }

  async status() {
    const times = { now: '05:40:29.116', startedAt: '05:40:22', configuredAt: '05:40:22' };
    const recovery = this.isRecovering ? { waitsForChannels: 1 } : undefined;
    const rest = { upSeconds: 7, state: 'running' as const, recovery };
    return { version: '2.0.12', routerId: '10.9.0.1', ...times, ...rest };
  }

  async sessions() {
    const up = this.upBy(this.running);
    const ending = this.ending.map((neighbour) => fakeSession({ neighbour, state: 'closing' }));
    return [
      ...ending,
      ...[...this.running.matchAll(/neighbor (\S+)/g)].map(([, neighbour = '']) =>
        fakeSession({ neighbour, state: up.includes(neighbour) ? 'established' : 'active' }),
      ),
    ];
  }

  async constant(name: string) {
    return new RegExp(`define ${name} = "(.*)"`).exec(this.running)?.[1];
  }

  async routeCount() {
    return 3;
  }

  async check(file: string) {
    this.asked.push('check');
    return this.#verdict(file);
  }

  async configure(file: string, undoAfterSeconds?: number) {
    this.asked.push(undoAfterSeconds === undefined ? 'configure' : 'try');
    const verdict = this.#verdict(file);
    if (verdict.kind === 'refused') return verdict;
    this.before = this.running;
    this.running = this.#files.texts.get(file) ?? '';
    this.isPending = undoAfterSeconds !== undefined;
    return verdict;
  }

  async confirm() {
    this.asked.push('confirm');
    const wasPending = this.isPending;
    this.isPending = false;
    return wasPending;
  }

  async undo() {
    this.asked.push('undo');
    [this.running, this.before] = [this.before, this.running];
    this.isPending = false;
  }

  #verdict(file: string) {
    const words = this.refuses(this.#files.texts.get(file) ?? '');
    return words === undefined ? { kind: 'taken' as const } : { kind: 'refused' as const, words };
  }
}

export const fakeSession = (session: Partial<BirdSession>): BirdSession => ({
  ...{ name: 'mesh', neighbour: '10.9.0.2', neighbourAs: 64_512, state: 'established' },
  ...{ since: '05:40:22', sinceSeconds: 7, channels: [], lastError: undefined },
  ...{ restarting: undefined, bfd: undefined },
  ...session,
});
