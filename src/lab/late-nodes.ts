// Nodes that see a change late, as after a slow watch: their agents are stopped (SIGSTOP) before it
// and go on one by one, each at a moment of its own. Their kernels work on all the while. Whoever
// stops agents lets them go on again, whatever happens; nothing is told to them.

import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { LabDirectory } from './lab-directory.ts';
import type { LabPlan } from './plan.ts';
import type { LabProcess } from './processes.ts';
import { sendSignal } from './processes.ts';

/** How much later than the change each node sees it, by name. */
export type Delays = ReadonlyMap<string, number>;

/** At random, up to `delayMs` apart. */
export const drawDelays = (
  nodeNames: readonly string[],
  delayMs: number,
  random: () => number,
): Delays => new Map(nodeNames.map((name) => [name, Math.round(random() * delayMs)]));

export class LateNodes {
  readonly #agents: ReadonlyMap<string, LabProcess>;
  readonly #delays: Delays;

  private constructor(agents: ReadonlyMap<string, LabProcess>, delays: Delays) {
    this.#agents = agents;
    this.#delays = delays;
  }

  static stop({ plan, directory }: { plan: LabPlan; directory: LabDirectory }, delays: Delays) {
    const agents = new Map<string, LabProcess>();
    for (const { name } of plan.nodes) {
      const agent = directory.process(name);
      if (agent === undefined) throw new AppError('LAB', `delay ${name}`, 'it has no agent');
      agents.set(name, agent);
    }
    const late = new LateNodes(agents, delays);
    for (const agent of agents.values()) sendSignal(agent, 'SIGSTOP');
    return late;
  }

  /** Each goes on at its moment, counted from now; all of them when `stop` is aborted. */
  async goOnLate(clock: Clock, stop: AbortSignal): Promise<void> {
    try {
      await Promise.all(
        [...this.#agents].map(async ([name, agent]) => {
          await clock.sleep(this.#delays.get(name) ?? 0, stop);
          sendSignal(agent, 'SIGCONT');
        }),
      );
    } finally {
      this.goOn();
    }
  }

  goOn(): void {
    for (const agent of this.#agents.values()) sendSignal(agent, 'SIGCONT');
  }
}
