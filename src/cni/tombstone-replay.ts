// Carries out the DELs that came while the agent was away: at the start, before the first call is
// answered, and what fails then again and again while the agent runs, with growing pauses, since
// the runtime takes each of them for done and will not repeat it. A new ADD of the same container
// waits for its earlier DEL, which would take the new pod away otherwise.

import type { AttachmentIdentity } from '../endpoint/identity.ts';
import { backoffMs } from '../lib/backoff.ts';
import { describeError } from '../lib/errors.ts';
import type { CniWork } from './context.ts';
import { del } from './del.ts';
import type { Verdict } from './errors.ts';
import { CNI_CODES, done, failed } from './errors.ts';
import type { Tombstone } from './tombstones.ts';
import {
  hasTombstone,
  readTombstone,
  removeLeftovers,
  removeTombstone,
  tombstoneNameOf,
  tombstoneNames,
} from './tombstones.ts';

const RETRY = { baseMs: 1_000, capMs: 300_000 };
/** No other machine is asked: there is nothing to spread. */
const NO_JITTER = 0.5;

/** Keeps calls for one attachment apart. */
type Serialise = (identity: AttachmentIdentity, work: () => Promise<Verdict>) => Promise<Verdict>;

type Outcome = 'done' | 'left' | 'none';

export class TombstoneReplay {
  readonly #context: CniWork;
  readonly #serialise: Serialise;
  #isRetrying = false;

  constructor(context: CniWork, serialise: Serialise) {
    this.#context = context;
    this.#serialise = serialise;
  }

  /** Resolves after the first try of each. Never rejects. */
  async start(): Promise<void> {
    try {
      removeLeftovers(this.#context);
    } catch {
      // The directory is about to be read once more, which tells of it.
    }
    if ((await this.#replayAll()) === 'left' && !this.#isRetrying) void this.#retry();
  }

  /** What a new ADD has to be told; undefined when nothing is in its way. */
  async settle(identity: AttachmentIdentity): Promise<Verdict | undefined> {
    const fileName = tombstoneNameOf(identity);
    if (!hasTombstone(fileName, this.#context)) return undefined;
    const tombstone = readTombstone(fileName, this.#context);
    if (tombstone.kind === 'del') await this.#replay(tombstone);
    if (!hasTombstone(fileName, this.#context)) return undefined;
    const details = `${this.#context.tombstones.directory}/${fileName} waits`;
    const message = 'an earlier DEL of this container is not carried out yet';
    return failed(CNI_CODES.tryAgainLater, message, details);
  }

  /** Until nothing is left, or the agent ends. Never rejects. */
  async #retry(): Promise<void> {
    const { clock, stop } = this.#context;
    this.#isRetrying = true;
    for (let failures = 1; !stop.aborted; failures += 1) {
      await clock.sleep(backoffMs(RETRY, failures, NO_JITTER), stop);
      if (stop.aborted || (await this.#replayAll()) === 'done') break;
    }
    this.#isRetrying = false;
  }

  async #replayAll(): Promise<'done' | 'left'> {
    const { log, tombstones } = this.#context;
    let names: readonly string[];
    try {
      names = tombstoneNames(this.#context);
    } catch (error) {
      const { directory } = tombstones;
      log.error({ directory, error: describeError(error) }, 'tombstones cannot be read');
      return 'left';
    }
    const outcomes = await Promise.all(names.map((fileName) => this.#replayFile(fileName)));
    const count = outcomes.filter((outcome) => outcome === 'done').length;
    if (count > 0) log.info({ count }, 'late DELs carried out');
    return outcomes.includes('left') ? 'left' : 'done';
  }

  async #replayFile(fileName: string): Promise<Outcome> {
    const tombstone = readTombstone(fileName, this.#context);
    if (tombstone.kind !== 'del') return tombstone.kind === 'none' ? 'none' : 'left';
    const verdict = await this.#serialise(tombstone.request.identity, async () => {
      // A call that was at work may have settled it: then the next one's pod has that name.
      return hasTombstone(fileName, this.#context) ? this.#replay(tombstone) : done();
    });
    return verdict.kind === 'done' ? 'done' : 'left';
  }

  /** Never rejects: one that meets a fault of the agent keeps no other from its turn. */
  async #replay({ request, fileName }: Tombstone): Promise<Verdict> {
    const { log } = this.#context;
    try {
      const verdict = await del(request, this.#context);
      if (verdict.kind === 'done') removeTombstone(fileName, this.#context);
      else log.warn({ fileName, ...verdict.failure }, 'a late DEL has failed: it is tried again');
      return verdict;
    } catch (error) {
      const details = describeError(error);
      log.error({ fileName, error: details }, 'a late DEL met a fault of the agent');
      return failed(CNI_CODES.internal, 'internal error of the agent', details);
    }
  }
}
