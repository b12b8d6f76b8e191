// The CNI service: every call comes in here as a frame and leaves as exit code and stdout. It keeps
// calls for one attachment apart and everything else concurrent. What a verb does is in its own
// file.

import type { Attachment } from '../endpoint/attachment.ts';
import type { AttachmentIdentity } from '../endpoint/identity.ts';
import { hostLinkOf } from '../endpoint/identity.ts';
import { describeError } from '../lib/errors.ts';
import type { Ip } from '../net/ip.ts';
import { add } from './add.ts';
import { check } from './check.ts';
import { ConnectionSweeper } from './connection-sweeper.ts';
import type { CniContext, CniWork } from './context.ts';
import { del } from './del.ts';
import type { CniFailure, Verdict } from './errors.ts';
import { CNI_CODES, done, failed, renderFailure } from './errors.ts';
import type { CniFrame, CniReply } from './frame.ts';
import { gc } from './gc.ts';
import { LinkRemover } from './link-remover.ts';
import { versionIn } from './network-config.ts';
import { releaseOrphans } from './orphans.ts';
import type { RemakeOutcome, RemakeRequest } from './remake.ts';
import { remake } from './remake.ts';
import type { CniRequest, Verb } from './request.ts';
import { parseRequest } from './request.ts';
import type { RetuneOutcome, RetuneRequest } from './retune.ts';
import { retune } from './retune.ts';
import type { RuntimeCache } from './runtime-cache.ts';
import { Serialiser } from './serialise.ts';
import { status } from './status.ts';
import { TombstoneReplay } from './tombstone-replay.ts';
import { removeTombstone, tombstoneNameOf } from './tombstones.ts';
import { NEWEST_VERSION, renderVersions } from './version.ts';

/** For metrics and the log. `code` is 0 for success, else the CNI error code. */
export type CniCall = {
  readonly verb: Verb | 'unknown';
  readonly code: number;
  readonly durationMs: number;
  /** In words; absent of a success. */
  readonly failure?: string;
};

export type CniServiceOptions = {
  readonly context: CniContext;
  readonly onCall?: (call: CniCall) => void;
};

export class CniService {
  readonly #context: CniWork;
  readonly #onCall: ((call: CniCall) => void) | undefined;
  /** By host link, which is the attachment's identity in a shorter form. */
  readonly #serialiser = new Serialiser();
  readonly #tombstones: TombstoneReplay;

  constructor({ context, onCall }: CniServiceOptions) {
    const isTaken = (address: Ip): boolean => context.store.isTaken(address);
    const sweeper = new ConnectionSweeper({ ...context, isTaken });
    this.#context = { ...context, remover: new LinkRemover(context.host), sweeper };
    this.#onCall = onCall;
    this.#tombstones = new TombstoneReplay(this.#context, (identity, work) =>
      this.#serialise(identity, work),
    );
  }

  /** Everything that the kernel should hold for pods now. */
  attachments(): Attachment[] {
    return this.#context.store.attachments();
  }

  /** Never rejects. The descriptor of CNI_NETNS is the caller's, who closes it afterwards. */
  async handle(frame: CniFrame, netns: number | undefined): Promise<CniReply> {
    const { clock, log } = this.#context;
    const startMs = clock.monotonicMs();
    let verb: CniCall['verb'] = 'unknown';
    let verdict: Verdict;
    try {
      const parsed = parseRequest(frame);
      if (parsed.kind === 'request') verb = parsed.request.verb;
      verdict = parsed.kind === 'request' ? await this.#answer(parsed.request, netns) : parsed;
    } catch (error) {
      log.error({ verb, error: describeError(error) }, 'a CNI call met a fault of the agent');
      verdict = failed(CNI_CODES.internal, 'internal error of the agent', describeError(error));
    }
    const durationMs = clock.monotonicMs() - startMs;
    this.#report({ verb, durationMs, code: codeOf(verdict) }, verdict, frame);
    if (verdict.kind === 'done') return { exitCode: 0, stdout: verdict.stdout };
    const version = versionIn(frame.stdin) ?? NEWEST_VERSION;
    return { exitCode: 1, stdout: renderFailure(verdict.failure, version) };
  }

  /** Makes again what somebody deleted; calls of the runtime for the same attachment wait. */
  async remake(request: RemakeRequest): Promise<RemakeOutcome> {
    const work = (): Promise<RemakeOutcome> => remake(request, this.#context);
    const running = this.#serialiser.run(request.attachment.hostLink, work);
    return running ?? { kind: 'unwanted' };
  }

  /** Gives a running pod other MTUs; calls of the runtime for the same attachment wait. */
  async retune(request: RetuneRequest): Promise<RetuneOutcome> {
    const work = (): Promise<RetuneOutcome> => retune(request, this.#context);
    const running = this.#serialiser.run(request.attachment.hostLink, work);
    return running ?? { kind: 'unwanted' };
  }

  /** Carries out what came while the agent was away. What fails is tried again later. */
  replayTombstones(): Promise<void> {
    return this.#tombstones.start();
  }

  /**
   * Releases what the runtime will never ask to be released; how many. Only before the first call
   * is answered, and after the tombstones.
   */
  async releaseOrphans(cache: RuntimeCache): Promise<number> {
    try {
      return await releaseOrphans(cache, this.#context);
    } catch (error) {
      this.#context.log.error({ error: describeError(error) }, 'orphans cannot be looked for');
      return 0;
    }
  }

  async #answer(request: CniRequest, netns: number | undefined): Promise<Verdict> {
    const context = this.#context;
    switch (request.verb) {
      case 'VERSION':
        return done(renderVersions(NEWEST_VERSION));
      case 'STATUS':
        return status(context);
      case 'GC':
        return gc(request, context, this.#serialiser);
      case 'ADD':
        return this.#serialise(request.identity, async () => {
          const obstacle = await this.#tombstones.settle(request.identity);
          return obstacle ?? add(request, netns, context);
        });
      case 'DEL':
        return this.#serialise(request.identity, async () => {
          const verdict = await del(request, context);
          const name = tombstoneNameOf(request.identity);
          if (verdict.kind === 'done') removeTombstone(name, context);
          return verdict;
        });
      case 'CHECK':
        return this.#serialise(request.identity, async () => check(request, netns, context));
    }
  }

  async #serialise(identity: AttachmentIdentity, work: () => Promise<Verdict>): Promise<Verdict> {
    const key = hostLinkOf(identity);
    const running = this.#serialiser.run(key, work);
    if (running !== undefined) return running;
    const details = `${identity.ifName} of container ${identity.containerId}`;
    return failed(CNI_CODES.tryAgainLater, 'too many calls for one attachment', details);
  }

  #report(call: CniCall, verdict: Verdict, { environment }: CniFrame): void {
    const failure = verdict.kind === 'failed' ? { failure: wordsOf(verdict.failure) } : {};
    this.#onCall?.({ ...call, ...failure });
    const { log } = this.#context;
    const container = environment.get('CNI_CONTAINERID');
    if (verdict.kind === 'failed') log.warn({ ...call, container, ...verdict.failure }, 'CNI');
    else log.debug({ ...call, container }, 'CNI');
  }
}

const wordsOf = ({ message, details }: CniFailure): string =>
  details === undefined ? message : `${message}: ${details}`;

const codeOf = (verdict: Verdict): number => (verdict.kind === 'done' ? 0 : verdict.failure.code);
