// The metrics of one agent, in a registry of its own (no process-wide state). Names are documented
// in docs/metrics.md; default process metrics are left out, since each costs memory on every node.

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { SubnetUsage } from '../cni/ipam.ts';
import type { PathMtu } from '../desired/path-mtu.ts';
import { cidrFamily } from '../net/cidr.ts';
import type { Op } from '../state/op.ts';
import { BirdMetrics } from './bird-metrics.ts';
import type { Tracks } from './path-track.ts';
import type { PassOutcome } from './reconciler.ts';
import { StatusMetrics } from './status-metrics.ts';

export class AgentMetrics {
  readonly registry = new Registry();
  readonly bird = new BirdMetrics(this.registry);
  readonly status = new StatusMetrics(this.registry);
  readonly #passes = new Counter({
    name: 'poplin_reconcile_passes_total',
    help: 'Passes of the reconcile loop',
    registers: [this.registry],
  });
  readonly #passSeconds = new Histogram({
    name: 'poplin_reconcile_duration_seconds',
    help: 'Duration of a reconcile pass',
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2],
    registers: [this.registry],
  });
  readonly #ops = new Counter({
    name: 'poplin_reconcile_ops_total',
    help: 'Changes applied to the kernel',
    labelNames: ['verb', 'object'],
    registers: [this.registry],
  });
  readonly #failures = new Counter({
    name: 'poplin_reconcile_failures_total',
    help: 'Changes that the kernel refused',
    registers: [this.registry],
  });
  readonly #peers = new Gauge({
    name: 'poplin_peers',
    help: 'Peers and families by the path that is used to reach them',
    labelNames: ['path'],
    registers: [this.registry],
  });
  readonly #waiting = new Gauge({
    name: 'poplin_peers_waiting',
    help: 'Peers and families whose next path is prepared and has not answered a probe yet',
    registers: [this.registry],
  });
  readonly #silent = new Gauge({
    name: 'poplin_peers_silent',
    help: 'Peers and families that do not answer probes over the path that is used',
    registers: [this.registry],
  });
  readonly #small = new Gauge({
    name: 'poplin_peers_mtu_small',
    help: 'Peers and families whose path takes smaller packets than both ends believe',
    registers: [this.registry],
  });
  readonly #smallestBytes = new Gauge({
    name: 'poplin_path_mtu_found_bytes',
    help: 'Smallest MTU that was found below what both ends believe; 0: there is none',
    registers: [this.registry],
  });
  readonly #believedBytes = new Gauge({
    name: 'poplin_path_mtu_believed_bytes',
    help: 'What both ends of that path believe; 0: there is none',
    registers: [this.registry],
  });
  readonly #configInvalid = new Gauge({
    name: 'poplin_config_invalid',
    help: '1 while the newest configuration is not in force because it is invalid',
    registers: [this.registry],
  });
  readonly #fights = new Gauge({
    name: 'poplin_repair_fights',
    help: 'Objects of the kernel that somebody changes again after each repair',
    registers: [this.registry],
  });
  readonly #drift = new Counter({
    name: 'poplin_drift_repaired_total',
    help: 'Objects of the kernel that somebody else changed and the agent put right',
    labelNames: ['object'],
    registers: [this.registry],
  });
  readonly #orphans = new Counter({
    name: 'poplin_cni_orphans_released_total',
    help: 'Attachments whose pod was gone and that the runtime did not know at the start',
    registers: [this.registry],
  });
  readonly #cniSeconds = new Histogram({
    name: 'poplin_cni_duration_seconds',
    help: 'Duration of CNI calls in the agent, by verb and CNI error code (0: success)',
    labelNames: ['verb', 'code'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 1, 10],
    registers: [this.registry],
  });

  readonly #addresses = new Gauge({
    name: 'poplin_ipam_addresses',
    help: 'Addresses of the subnets of this node, by family and state: used, resting or free',
    labelNames: ['family', 'state'],
    registers: [this.registry],
  });
  readonly #subnets = new Gauge({
    name: 'poplin_ipam_subnets',
    help: 'Subnets that this node holds, by family',
    labelNames: ['family'],
    registers: [this.registry],
  });

  /** All that the node holds; families that it does not hold any more are left out. */
  addresses(usage: readonly SubnetUsage[]): void {
    this.#addresses.reset();
    this.#subnets.reset();
    for (const { subnet, total, used, resting } of usage) {
      const family = cidrFamily(subnet);
      this.#subnets.inc({ family });
      this.#addresses.inc({ family, state: 'used' }, used);
      this.#addresses.inc({ family, state: 'resting' }, resting);
      this.#addresses.inc({ family, state: 'free' }, total - used - resting);
    }
  }

  passed(outcome: PassOutcome, tracks: Tracks): void {
    this.#passes.inc();
    this.#passSeconds.observe(outcome.durationMs / 1000);
    this.#failures.inc(outcome.failures.length);
    for (const [verb, byObject] of countOps(outcome.ops)) {
      for (const [object, count] of byObject) this.#ops.inc({ verb, object }, count);
    }
    const used = { vxlan: 0, 'host-gw': 0, bgp: 0, none: 0 };
    let [waiting, silent] = [0, 0];
    for (const { probe, verdict } of tracks.values()) {
      if (!probe.isMarked && verdict === 'silent') silent += 1;
    }
    for (const path of outcome.desired.paths) {
      used[path.used] += 1;
      if (path.waitsFor !== undefined) waiting += 1;
    }
    for (const [path, count] of Object.entries(used)) this.#peers.set({ path }, count);
    this.#waiting.set(waiting);
    this.#silent.set(silent);
    this.#mtus(outcome.desired.paths.flatMap(({ mtu }) => mtu ?? []));
  }

  #mtus(small: readonly PathMtu[]): void {
    const [smallest] = [...small].sort((a, b) => a.foundBytes - b.foundBytes);
    this.#small.set(small.length);
    this.#smallestBytes.set(smallest?.foundBytes ?? 0);
    this.#believedBytes.set(smallest?.believedBytes ?? 0);
  }

  driftRepaired(ops: readonly Op[]): void {
    for (const { object } of ops) this.#drift.inc({ object });
  }

  configInvalid(invalid: boolean): void {
    this.#configInvalid.set(invalid ? 1 : 0);
  }

  fights(count: number): void {
    this.#fights.set(count);
  }

  orphansReleased(count: number): void {
    this.#orphans.inc(count);
  }

  cniCall(call: {
    readonly verb: string;
    readonly code: number;
    readonly durationMs: number;
  }): void {
    this.#cniSeconds.observe({ verb: call.verb, code: call.code }, call.durationMs / 1000);
  }
}

/** A label lookup for each of thousands of ops would take longer than to apply them. */
function countOps(ops: readonly Op[]): Map<string, Map<string, number>> {
  const counts = new Map<string, Map<string, number>>();
  for (const { verb, object } of ops) {
    const byObject = counts.get(verb) ?? new Map<string, number>();
    counts.set(verb, byObject);
    byObject.set(object, (byObject.get(object) ?? 0) + 1);
  }
  return counts;
}
