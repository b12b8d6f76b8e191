// The metrics that follow from the status document, filled when they are asked for. Those of single
// peers are left out where there are many: each node would have thousands, the cluster millions.

import type { Registry } from 'prom-client';
import { Gauge } from 'prom-client';
import type { PeerStatus, Status } from './status.ts';

/** A node with more peers tells of all together only. */
const SINGLE_PEERS_MAX = 64;

const QUANTILES = [0.5, 0.99, 1] as const;

type Filled = {
  readonly labelNames?: readonly string[];
  readonly fill: (gauge: Gauge, status: Status) => void;
};

export class StatusMetrics {
  #view: (() => Status) | undefined;
  /** All gauges of one answer are filled from one document. */
  #current: Status | undefined;

  constructor(registry: Registry) {
    const gauge = (name: string, help: string, { labelNames = [], fill }: Filled): void => {
      const view = (): Status | undefined => this.#look();
      const collect = function (this: Gauge): void {
        this.reset();
        const status = view();
        if (status !== undefined) fill(this, status);
      };
      new Gauge({ name, help, labelNames: [...labelNames], collect, registers: [registry] });
    };
    gauge('poplin_build_info', '1; the labels say which version and node it is', {
      labelNames: ['version', 'node'],
      fill: (each, { version, node }) => each.set({ version, node }, 1),
    });
    gauge('poplin_ready', '1 while pods of this node can be started and reach the others', {
      fill: (each, { ready }) => each.set(ready ? 1 : 0),
    });
    gauge('poplin_pods', 'Pods that are attached', {
      fill: (each, { pods }) => each.set(pods.attached),
    });
    gauge('poplin_source_problem', '1 while the datastore is away or says what is not understood', {
      fill: (each, { source }) => each.set(source.problem === undefined && source.synced ? 0 : 1),
    });
    this.#probes(gauge);
  }

  follow(view: () => Status): void {
    this.#view = view;
  }

  #look(): Status | undefined {
    if (this.#current === undefined && this.#view !== undefined) {
      this.#current = this.#view();
      queueMicrotask(() => {
        this.#current = undefined;
      });
    }
    return this.#current;
  }

  #probes(gauge: (name: string, help: string, filled: Filled) => void): void {
    gauge('poplin_probe_latency_seconds', 'Echo over the paths in use, by quantile of the peers', {
      labelNames: ['quantile'],
      fill: (each, { peers }) => {
        const sorted = latenciesMs(peers).sort((a, b) => a - b);
        for (const quantile of sorted.length === 0 ? [] : QUANTILES) {
          const at = Math.min(sorted.length - 1, Math.floor(sorted.length * quantile));
          each.set({ quantile }, (sorted[at] ?? 0) / 1000);
        }
      },
    });
    gauge('poplin_probe_loss_ratio', 'Probes over the paths in use that were lost, of all peers', {
      fill: (each, { peers }) => {
        const losses = peers.flatMap(({ lossPercent }) => lossPercent ?? []);
        const sum = losses.reduce((total, loss) => total + loss, 0);
        if (losses.length > 0) each.set(sum / losses.length / 100);
      },
    });
    gauge('poplin_peer_latency_seconds', 'Echo over the path to this peer, of few peers alone', {
      labelNames: ['peer', 'family'],
      fill: (each, { peers }) => {
        for (const { peer, family, latencyMs } of few(peers)) {
          if (latencyMs !== undefined) each.set({ peer, family }, latencyMs / 1000);
        }
      },
    });
    gauge('poplin_peer_loss_ratio', 'Probes to this peer that were lost, of few peers alone', {
      labelNames: ['peer', 'family'],
      fill: (each, { peers }) => {
        for (const { peer, family, lossPercent } of few(peers)) {
          if (lossPercent !== undefined) each.set({ peer, family }, lossPercent / 100);
        }
      },
    });
  }
}

const latenciesMs = (peers: readonly PeerStatus[]): number[] =>
  peers.flatMap(({ latencyMs }) => latencyMs ?? []);

const few = (peers: readonly PeerStatus[]): readonly PeerStatus[] =>
  peers.length > SINGLE_PEERS_MAX ? [] : peers;
