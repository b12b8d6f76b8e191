// What a Kubernetes source is made of and told: the API, the clock, the node that it is for, and
// where the configuration is. Tests and the simulation give it other effects and shorter times.

import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { KubernetesApi } from './api.ts';
import type { ConfigLocation } from './config-record.ts';
import type { ReflectorTiming } from './reflector.ts';

export type KubernetesSourceOptions = {
  /** Closed when the source ends. */
  readonly client: KubernetesApi;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  /** The Node that this agent runs on. */
  readonly nodeName: string;
  readonly config?: ConfigLocation;
  readonly flannelPrefix?: string;
  readonly pageSize?: number;
  readonly timing?: ReflectorTiming;
  /** How long a cluster may be without any podCIDR before SubnetSource `auto` means Leases. */
  readonly autoGraceMs?: number;
  /** Whether `summaries` has those of all nodes. */
  readonly keepsSummaries?: boolean;
};
