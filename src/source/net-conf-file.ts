// net-conf.json as a file on the node, instead of the ConfigMap or the key of etcd: a ConfigMap
// that is mounted, or what a configuration management writes. The file is read again when its
// directory says that something has changed, and in any case every few seconds: kubelet swaps the
// symbolic link `..data`, others rename a new file over the old one, and a directory that is
// replaced says nothing more. Whether the text is right is for src/config to say.

import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ClusterEvent } from '../cluster/cluster.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';

const READ_EVERY_MS = 2_000;
/** A change comes in several steps; the text in the middle of them is nobody's configuration. */
const SETTLE_MS = 25;

export type NetConfFileParts = {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
};

export class NetConfFile {
  readonly #parts: NetConfFileParts;
  #text: string | undefined;
  #problem: string | undefined;
  #wake: (() => void) | undefined;
  /** The directory has changed since the file was read. */
  #isOutdated = false;

  constructor(parts: NetConfFileParts) {
    this.#parts = parts;
  }

  /** Why the text that is in the file now is not known; undefined while it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Until `stop`; never rejects. */
  async run(listener: (event: ClusterEvent) => void, stop: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const wake = (): void => this.#wake?.();
    stop.addEventListener('abort', wake, { once: true });
    let watcher: FSWatcher | undefined;
    try {
      while (!stop.aborted) {
        // Anew each time: the directory that is watched may be another one by now.
        watcher?.close();
        watcher = this.#watch();
        this.#isOutdated = false;
        await this.#read(listener);
        if (stop.aborted) return;
        const woken = new AbortController();
        this.#wake = () => woken.abort('woken');
        if (!this.#isOutdated) await clock.sleep(READ_EVERY_MS, woken.signal);
        this.#wake = undefined;
        if (this.#isOutdated) await clock.sleep(SETTLE_MS, stop);
      }
    } finally {
      watcher?.close();
      stop.removeEventListener('abort', wake);
    }
  }

  /** Only a hint: without it the change is seen when the file is read the next time. */
  #watch(): FSWatcher | undefined {
    try {
      const directory = dirname(this.#parts.path);
      const hint = (): void => {
        this.#isOutdated = true;
        this.#wake?.();
      };
      return watch(directory, { persistent: false }, hint).on('error', hint);
    } catch {
      return undefined;
    }
  }

  async #read(listener: (event: ClusterEvent) => void): Promise<void> {
    const { path, log } = this.#parts;
    const before = this.#problem;
    try {
      const text = await readFile(path, 'utf8');
      this.#problem = undefined;
      if (text === this.#text) return;
      this.#text = text;
      listener({ kind: 'config-put', config: { text, origin: path } });
    } catch (error) {
      this.#problem = `${path} cannot be read: ${describeError(error)}`;
      if (this.#problem === before) return;
      log.warn({ path }, this.#problem);
      if (this.#text !== undefined) listener({ kind: 'config-gone' });
      this.#text = undefined;
    }
  }
}
