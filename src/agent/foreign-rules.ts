// Looks now and then at the rules of others: names what drops pods' packets (an accept in our table
// cannot override a drop in another), and keeps the two accepts of `ForwardRules: insert` in place.
// Rare, because listing all rules costs a process; `status` and Events show what it found.

import type { Config } from '../config/config.ts';
import { findForeignDrops } from '../desired/foreign-drops.ts';
import { forwardInsertText } from '../desired/nft-forward.ts';
import { parseRuleset } from '../desired/nft-ruleset.ts';
import type { RunCommand } from '../kernel/foreign-firewall.ts';
import { loadForeignText, readRuleset } from '../kernel/foreign-firewall.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { RunResult } from './runner.ts';
import { BoundedRunner } from './runner.ts';

const LIMITS = {
  // Others may rewrite their rules all the time, and listing them costs a process.
  minimumIntervalMs: 2_000,
  maximumIntervalMs: 60_000,
  firstRetryMs: 2_000,
  lastRetryMs: 60_000,
} as const;

export type ForeignRulesParts = {
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Log;
};

export class ForeignRules {
  readonly #parts: ForeignRulesParts;
  readonly #runner: BoundedRunner;
  #config: Config | undefined;
  #changed: () => void = () => undefined;
  #findings: readonly string[] = [];

  constructor(parts: ForeignRulesParts) {
    this.#parts = parts;
    this.#runner = new BoundedRunner((stop) => this.#look(stop), LIMITS, parts.clock);
  }

  get findings(): readonly string[] {
    return this.#findings;
  }

  /** The configuration to look by; looks again when it is another. */
  follow(config: Config): void {
    if (this.#config?.hash === config.hash) return;
    this.#config = config;
    this.#runner.trigger();
  }

  /** Somebody changed another table than ours. */
  hint(): void {
    this.#runner.trigger();
  }

  async run(changed: () => void, stop: AbortSignal): Promise<void> {
    this.#changed = changed;
    await this.#runner.run(stop);
  }

  async #look(stop: AbortSignal): Promise<RunResult> {
    const config = this.#config;
    if (config === undefined) return 'done';
    const { run, log } = this.#parts;
    try {
      const chains = parseRuleset(await readRuleset(run, stop));
      const text = forwardInsertText(config, chains);
      if (text !== '') {
        await loadForeignText(run, text, stop);
        log.info({ text }, 'accepts in the FORWARD chains of others brought up to date');
        return 'again';
      }
      this.#findings = findForeignDrops(config, chains).map(({ message }) => message);
      this.#changed();
      return 'done';
    } catch (error) {
      if (stop.aborted) return 'done';
      log.warn({ error: describeError(error) }, 'the rules of others could not be read or changed');
      return 'retry';
    }
  }
}
