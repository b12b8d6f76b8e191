// The metrics of BIRD and its sessions, filled when they are asked for, from what the keeper last
// saw. A node that has no use for a BIRD has none of the sessions' and zero in the others.

import type { Registry } from 'prom-client';
import { Counter, Gauge } from 'prom-client';
import type { BirdView } from './bird-keeper.ts';
import type { TrialOutcome } from './bird-trial.ts';

type Filled = {
  readonly labelNames?: readonly string[];
  readonly fill: (gauge: Gauge, view: BirdView) => void;
};

export class BirdMetrics {
  readonly #tried: Counter;
  #view: () => BirdView | undefined = () => undefined;

  constructor(registry: Registry) {
    const registers = [registry];
    const gauge = (name: string, help: string, { labelNames = [], fill }: Filled): void => {
      const view = (): BirdView | undefined => this.#view();
      const collect = function (this: Gauge): void {
        this.reset();
        const seen = view();
        if (seen?.wanted !== undefined) fill(this, seen);
      };
      new Gauge({ name, help, labelNames: [...labelNames], collect, registers });
    };
    gauge('poplin_bird_missing', '1 while this node needs a BIRD and none answers', {
      fill: (each, { isMissing }) => each.set(isMissing ? 1 : 0),
    });
    gauge('poplin_bird_config_pending', '1 while BIRD has another configuration than it should', {
      fill: (each, { running, wanted }) => each.set(running?.config === wanted ? 0 : 1),
    });
    this.#tried = new Counter({
      name: 'poplin_bird_configurations_total',
      help: 'Configurations for BIRD, by outcome: confirmed, refused, withheld or taken-back',
      labelNames: ['outcome'],
      registers,
    });
    gauge('poplin_bgp_session_up', '1 while the BGP session with this neighbour is established', {
      labelNames: ['neighbour'],
      fill: (each, { sessions }) => {
        for (const { neighbour, state } of sessions) {
          each.set({ neighbour }, state === 'established' ? 1 : 0);
        }
      },
    });
    gauge(
      'poplin_bgp_session_routes',
      'Routes of the BGP session with this neighbour, by channel and direction',
      {
        labelNames: ['neighbour', 'channel', 'direction'],
        fill: (each, { sessions }) => {
          for (const { neighbour, channels } of sessions) {
            for (const { name: channel, imported, exported } of channels) {
              each.set({ neighbour, channel, direction: 'in' }, imported);
              each.set({ neighbour, channel, direction: 'out' }, exported);
            }
          }
        },
      },
    );
  }

  follow(view: () => BirdView | undefined): void {
    this.#view = view;
  }

  tried(outcome: TrialOutcome['kind']): void {
    this.#tried.inc({ outcome });
  }
}
