// Keeps on disk what the node must know when the datastore cannot be reached at its next start: the
// last synced cluster (cluster.json) and its right to subnets (holding.json). Written by rename, in
// the background and at a bounded rate, and only what differs; a bad file costs a line in the log.

import { hash } from 'node:crypto';
import type { Remembered, Synced } from '../cluster/cluster.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { asidePath } from '../lib/state-format.ts';
import type { RememberedHolding } from './lease-keeper.ts';
import type { RunResult } from './runner.ts';
import { BoundedRunner } from './runner.ts';
import type { Moment, Owner, SnapshotParse } from './snapshot.ts';
import { parseCluster, parseHolding, renderCluster, renderHolding } from './snapshot.ts';

export interface SnapshotFiles {
  /** Undefined when there is no such file. Throws what the disk says. */
  read(name: string): string | undefined;
  /** Whole or not at all, also when the power fails. */
  write(name: string, text: string): Promise<void>;
  /** Gives a file another name, so that it is not written over. Throws what the disk says. */
  rename(name: string, to: string): void;
}

export type SnapshotKeeperParts = {
  readonly files: SnapshotFiles;
  readonly owner: Owner;
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
};

export type Snapshot = {
  readonly cluster: Remembered | undefined;
  readonly holding: RememberedHolding | undefined;
};

const CLUSTER_FILE = 'cluster.json';
const HOLDING_FILE = 'holding.json';

const LIMITS = {
  minimumIntervalMs: 100,
  maximumIntervalMs: 300_000,
  firstRetryMs: 5_000,
  lastRetryMs: 300_000,
} as const;

/** Between two writings of the cluster: 3 MB a minute at 5,000 nodes that always change. */
const CLUSTER_INTERVAL_MS = 5_000;
const CLUSTER_INTERVAL_PER_NODE_MS = 10;

export class SnapshotKeeper {
  readonly #parts: SnapshotKeeperParts;
  readonly #runner: BoundedRunner;
  #cluster: Synced | undefined;
  #holding: RememberedHolding | undefined;
  /** What was rendered last, so that an unchanged cluster is not rendered again. */
  #rendered: Synced | undefined;
  readonly #written = new Map<string, string>();
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(parts: SnapshotKeeperParts) {
    this.#parts = parts;
    this.#runner = new BoundedRunner(() => this.#write(), LIMITS, parts.clock);
  }

  /** What can be used of the files; the log says why when one cannot. */
  read(): Snapshot {
    const { owner } = this.#parts;
    return {
      cluster: this.#readFile(CLUSTER_FILE, (text) => parseCluster(text, owner)),
      holding: this.#readFile(HOLDING_FILE, (text) => parseHolding(text, owner, this.#moment())),
    };
  }

  /** What the next process has to know; costs nothing when it is as before. */
  offer(cluster: Synced | undefined, holding: RememberedHolding | undefined): void {
    const isSame = cluster === this.#cluster && sameHolding(holding, this.#holding);
    if (isSame) return;
    this.#cluster = cluster ?? this.#cluster;
    this.#holding = holding;
    this.#runner.trigger();
  }

  /** Until `stop`; what is not written yet is written at the end. */
  async run(stop: AbortSignal): Promise<void> {
    await this.#runner.run(stop);
    this.#dueMs = Number.NEGATIVE_INFINITY;
    await this.#write();
  }

  async #write(): Promise<RunResult> {
    const { owner, clock, log } = this.#parts;
    try {
      if (this.#holding !== undefined) {
        await this.#writeFile(HOLDING_FILE, renderHolding(owner, this.#holding, this.#moment()), {
          // The moment of writing is not news by itself.
          identity: JSON.stringify(this.#holding),
        });
      }
      const cluster = this.#cluster;
      if (cluster === undefined || cluster === this.#rendered) return 'done';
      const leftMs = this.#dueMs - clock.monotonicMs();
      if (leftMs > 0) return { againAfterMs: leftMs };
      const text = renderCluster(owner, cluster);
      await this.#writeFile(CLUSTER_FILE, text, { identity: hashOf(text) });
      this.#rendered = cluster;
      const perNodesMs = cluster.nodes.size * CLUSTER_INTERVAL_PER_NODE_MS;
      this.#dueMs = clock.monotonicMs() + CLUSTER_INTERVAL_MS + perNodesMs;
      return 'done';
    } catch (error) {
      log.warn({ error: describeError(error) }, 'the snapshot of the cluster is not written');
      return 'retry';
    }
  }

  async #writeFile(
    name: string,
    text: string,
    { identity }: { readonly identity: string },
  ): Promise<void> {
    if (this.#written.get(name) === identity) return;
    await this.#parts.files.write(name, text);
    this.#written.set(name, identity);
  }

  #readFile<Value>(name: string, parse: (text: string) => SnapshotParse<Value>): Value | undefined {
    const { files, log } = this.#parts;
    try {
      const text = files.read(name);
      if (text === undefined) return undefined;
      const parsed = parse(text);
      if (parsed.kind === 'ok') return parsed.value;
      log.warn({ file: name, problem: parsed.problem }, 'a snapshot is ignored');
      if (parsed.kind === 'newer') files.rename(name, asidePath(name, parsed.version));
    } catch (error) {
      log.warn({ file: name, problem: describeError(error) }, 'a snapshot is ignored');
    }
    return undefined;
  }

  #moment(): Moment {
    const { bootId, clock } = this.#parts;
    return { bootId, boottimeMs: clock.boottimeMs(), now: clock.now() };
  }
}

const hashOf = (text: string): string => hash('sha256', text);

const sameHolding = (a: RememberedHolding | undefined, b: RememberedHolding | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
