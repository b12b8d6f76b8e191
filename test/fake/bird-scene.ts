// A keeper of BIRD with a fake clock and directory, and fake BIRDs that a test starts and ends.

import { BirdKeeper } from '../../src/agent/bird-keeper.ts';
import { silentLog } from '../../src/lib/log.ts';
import { FakeBird, FakeBirdFiles } from './bird.ts';
import { KEY } from './bird-key.ts';
import { FakeClock, settle } from './clock.ts';

export class Scene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly files = new FakeBirdFiles();
  readonly tried: string[] = [];
  bird: FakeBird | undefined;
  wanted: string | undefined;
  mayEndAll = false;
  readonly keeper: BirdKeeper;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(wanted: string | undefined) {
    this.wanted = wanted;
    this.keeper = new BirdKeeper({
      open: async () => {
        if (this.bird === undefined) throw new Error('ENOENT');
        return this.bird;
      },
      files: this.files,
      wanted: () => this.wanted,
      mayEndAll: () => this.mayEndAll,
      random: () => 0.5,
      newKey: () => KEY,
      tried: (outcome) => this.tried.push(outcome),
      clock: this.clock,
      log: silentLog,
    });
    this.#running = this.keeper.run(() => undefined, this.#stop.signal);
  }

  /** A BIRD starts by what is on the disk, if anything is. */
  async birdStarts(
    changes: Partial<Pick<FakeBird, 'upBy' | 'isRecovering'>> = {},
  ): Promise<FakeBird> {
    await this.clock.advance(300);
    const bird = new FakeBird(this.files);
    bird.upBy = (text) => (text.includes('hunter2') ? [] : ['10.9.0.2']);
    bird.refuses = (text) =>
      text.includes('nonsense') ? 'candidate.conf:1:1 nonsense' : undefined;
    Object.assign(bird, changes);
    this.bird = bird;
    await this.clock.advance(300);
    return bird;
  }

  async want(text: string | undefined): Promise<void> {
    this.wanted = text;
    this.keeper.hint();
    await settle();
    await settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
