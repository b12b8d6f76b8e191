// Requests for the record of what gives the cluster its subnets: the decision, which creates it,
// its change in two steps, and the second look at it after a claim. Failures reject; the loop in
// subnet-claims.ts waits and retries.

import type { Clock } from '../../lib/clock.ts';
import { AppError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { obstacle } from './assess.ts';
import type { RecordView, Step } from './claim-view.ts';
import type { ObjectJson } from './json-types.ts';
import type { LeaseCalls } from './lease-calls.ts';
import type { SubnetRules, SubnetSourceRecord } from './subnet-source-record.ts';
import { parseRecord, RECORD_NAME, sameRules } from './subnet-source-record.ts';

export type RecordStepsOptions = {
  readonly calls: LeaseCalls;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  /** As it is known now. */
  readonly record: () => RecordView;
  readonly seeRecord: (record: RecordView) => void;
};

export class RecordSteps {
  readonly #options: RecordStepsOptions;

  constructor(options: RecordStepsOptions) {
    this.#options = options;
  }

  /** Who creates the record has decided; all others read it. */
  async decide(
    { rules, reason }: Extract<Step, { kind: 'decide' }>,
    stop: AbortSignal,
  ): Promise<void> {
    const { calls, log } = this.#options;
    const made = await calls.createRecord({ ...rules, reason, ...this.#stamp() }, stop);
    if (made !== undefined) log.info({ ...rules, reason }, 'decided what gives nodes subnets');
    this.#see(made ?? (await calls.readRecord(stop)));
  }

  /** From now on nobody claims, until the change is settled. */
  async askChange(rules: SubnetRules, stop: AbortSignal): Promise<void> {
    const record = this.#known();
    if (record === undefined) return;
    const { nodeName, log } = this.#options;
    log.info({ ...rules }, 'asking to change what gives nodes subnets');
    await this.#replace({ ...record, next: { ...rules, askedBy: nodeName } }, stop);
  }

  /** Rejects when it is refused, so that it is not asked for again at once. */
  async settleChange(stop: AbortSignal): Promise<void> {
    const { next, ...record } = this.#known() ?? {};
    if (next === undefined || !isRecord(record)) return;
    const { calls, log } = this.#options;
    const refusal = obstacle(record, next, await calls.inUse(stop));
    if (refusal !== undefined) {
      await this.#replace(record, stop);
      throw new AppError('KUBERNETES_API', `change ConfigMap ${RECORD_NAME}`, refusal);
    }
    const { askedBy: _askedBy, ...rules } = next;
    const reason = `the configuration was changed, and nothing of ${record.source} was in use`;
    await this.#replace({ ...record, ...rules, reason, ...this.#stamp() }, stop);
    log.info({ ...rules }, 'changed what gives nodes subnets');
  }

  /** Whether the record is as it was known: then nothing that was claimed by it is in doubt. */
  async isUnchanged(stop: AbortSignal): Promise<boolean> {
    const before = this.#known();
    this.#see(await this.#options.calls.readRecord(stop));
    const now = this.#known();
    if (before === undefined || now === undefined) return false;
    return now.next === undefined && sameRules(now, before);
  }

  async #replace(record: SubnetSourceRecord, stop: AbortSignal): Promise<void> {
    const { calls } = this.#options;
    this.#see((await calls.replaceRecord(record, stop)) ?? (await calls.readRecord(stop)));
  }

  #see(object: ObjectJson | undefined): void {
    const parsed = object === undefined ? ({ kind: 'none' } as const) : parseRecord(object);
    if (parsed.kind === 'malformed') {
      throw new AppError('KUBERNETES_API', `read ConfigMap ${RECORD_NAME}`, parsed.problem);
    }
    this.#options.seeRecord(parsed);
  }

  #known(): SubnetSourceRecord | undefined {
    const view = this.#options.record();
    return view.kind === 'is' ? view.record : undefined;
  }

  #stamp(): { readonly decidedBy: string; readonly decidedAt: string } {
    const { nodeName, clock } = this.#options;
    return { decidedBy: nodeName, decidedAt: clock.now().toISOString() };
  }
}

const isRecord = (record: Partial<SubnetSourceRecord>): record is SubnetSourceRecord =>
  record.resourceVersion !== undefined;
