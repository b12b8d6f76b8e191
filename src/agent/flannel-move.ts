// Moves a node from Flannel to Poplin while its pods run. What is Flannel's is looked for in each
// pass and nothing is remembered, so that a restart in the middle is the same case: devices become
// ours by their names, routes go once ours are there, and the bridge goes some seconds after its
// last pod. It never touches what has not Flannel's form (src/desired/flannel-remains.ts).

import type { Remembered, Synced } from '../cluster/cluster.ts';
import type { Config } from '../config/config.ts';
import type { Adoption, OldBridge } from '../desired/flannel-remains.ts';
import {
  adoptedDevices,
  adoptionsIn,
  FLANNEL_PROTOCOL,
  oldBridgeIn,
  proxiedAddresses,
  supersededRoutes,
} from '../desired/flannel-remains.ts';
import type { Kernel, ReadScope } from '../kernel/kernel.ts';
import type { Clock } from '../lib/clock.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Cidr } from '../net/cidr.ts';
import { containsCidr } from '../net/cidr.ts';
import type { Adopted } from '../state/adopted.ts';
import type { KernelState, Route } from '../state/kernel-state.ts';
import type { Op } from '../state/op.ts';
import { removalOfLink } from '../state/op.ts';
import { PROBE_TABLE } from '../state/own.ts';

/** A runtime may be about to attach a pod by Flannel's conflist, which it has read before. */
const BRIDGE_REST_MS = 5_000;

const FLANNEL_ROUTES: ReadScope = {
  ...{ sysctls: [], routeProtocol: FLANNEL_PROTOCOL, rulePriority: PROBE_TABLE, nft: false },
  ...{ ownsLink: () => false, aside: true },
};

export type FlannelMoveParts = {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  /** A conflist of Flannel's was there when the agent started. */
  readonly hasConflist: boolean;
  /** No pod of Flannel is left, and no bridge for any. May throw AppError. */
  onEnd(): void;
};

export type FlannelInput = {
  readonly config: Config;
  readonly cluster: Synced | Remembered;
  readonly right: { readonly subnets: readonly Cidr[] };
};

/** What is to be done before the rest of the pass. */
export type FlannelStep = {
  readonly adoptions: readonly Adoption[];
  readonly routes: readonly Route[];
  /** A bridge that no pod is behind any more. */
  readonly bridge: string | undefined;
};

/** For `status`. */
export type FlannelView = {
  /** Devices that were Flannel's, by their names of now and of before. */
  readonly devices: readonly { readonly name: string; readonly from: string }[];
  /** Behind which its pods are; absent when there are none. */
  readonly bridge?: string;
  readonly pods: number;
};

export class FlannelMove {
  readonly #parts: FlannelMoveParts;
  #bridge: OldBridge | undefined;
  #devices: ReadonlyMap<string, Adopted> = new Map();
  #emptySinceMs: number | undefined;
  /** Routes of Flannel may be left. */
  #looksForRoutes: boolean;
  #hasEnded = false;

  constructor(parts: FlannelMoveParts) {
    this.#parts = parts;
    this.#looksForRoutes = parts.hasConflist;
  }

  /** As of the last look. */
  get bridge(): OldBridge | undefined {
    return this.#bridge;
  }

  /** Undefined on a node that has nothing of Flannel. */
  get view(): FlannelView | undefined {
    const bridge = this.#bridge;
    if (bridge === undefined && this.#devices.size === 0) return undefined;
    return {
      devices: [...this.#devices].map(([name, { from }]) => ({ name, from })),
      ...(bridge === undefined ? {} : { bridge: bridge.link }),
      pods: bridge?.ports.length ?? 0,
    };
  }

  /** Until an empty bridge goes; undefined while there is none. */
  get dueAfterMs(): number | undefined {
    if (this.#emptySinceMs === undefined) return undefined;
    return Math.max(0, this.#emptySinceMs + BRIDGE_REST_MS - this.#parts.clock.monotonicMs());
  }

  /** Synchronous: between the read of a pass and its end nothing may come. */
  look(state: KernelState, input: FlannelInput): FlannelStep | undefined {
    this.#follow(state, input);
    const self = input.cluster.nodes.get(this.#parts.nodeName);
    const adoptions = adoptionsIn(state.links, input.config, self);
    if (adoptions.length > 0) this.#looksForRoutes = true;
    this.#answer(state);
    const routes = this.#superseded(state, input);
    const bridge = this.dueAfterMs === 0 ? this.#bridge?.link : undefined;
    const isNothing = adoptions.length + routes.length === 0 && bridge === undefined;
    return isNothing ? undefined : { adoptions, routes, bridge };
  }

  /** The kernel has to be read again after it. */
  async take({ adoptions, routes, bridge }: FlannelStep): Promise<void> {
    const { kernel, log } = this.#parts;
    for (const adoption of adoptions) {
      try {
        kernel.renameLink(adoption);
        log.info(adoption, "a device of Flannel's is ours");
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        log.warn({ ...adoption, error: describeError(error) }, 'a device stays as it is');
      }
    }
    const removals: Op[] = routes.map((value) => ({ verb: 'remove', object: 'route', value }));
    if (bridge !== undefined) removals.push(removalOfLink(bridge));
    for (const { error } of await kernel.apply(removals)) log.warn(error.message);
    if (routes.length > 0) log.info({ routes: routes.length }, "routes of Flannel's are gone");
  }

  #follow(state: KernelState, { right }: FlannelInput): void {
    this.#devices = adoptedDevices(state.links);
    this.#bridge = oldBridgeIn(state, right.subnets);
    if (this.#bridge?.ports.length === 0) this.#emptySinceMs ??= this.#parts.clock.monotonicMs();
    else this.#emptySinceMs = undefined;
    if (this.#bridge !== undefined) {
      this.#hasEnded = false;
      this.#looksForRoutes = true;
    } else if (!this.#hasEnded && right.subnets.length > 0) {
      this.#hasEnded = true;
      this.#end();
    }
  }

  #end(): void {
    try {
      this.#parts.onEnd();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#parts.log.warn({ error: describeError(error) }, "something of Flannel's stays");
    }
  }

  #answer(state: KernelState): void {
    const { kernel, log } = this.#parts;
    if (this.#bridge === undefined) return;
    const { link } = this.#bridge;
    try {
      kernel.answerFor(link, proxiedAddresses(state));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.warn({ link, error: describeError(error) }, 'pods behind the bridge may not find others');
    }
  }

  /** Nothing goes by what the disk remembers of the cluster. */
  #superseded(state: KernelState, { config, cluster, right }: FlannelInput): readonly Route[] {
    if (!this.#looksForRoutes || cluster.kind !== 'synced') return [];
    const { routes } = this.#parts.kernel.read(FLANNEL_ROUTES);
    const networks = config.families.map(({ network }) => network);
    const isToPods = ({ destination }: Route): boolean =>
      networks.some((network) => containsCidr(network, destination));
    this.#looksForRoutes = this.#bridge !== undefined || [...routes.values()].some(isToPods);
    const owners = { nodes: cluster.nodes, ownSubnets: right.subnets };
    return supersededRoutes([...routes.values()].filter(isToPods), state, owners);
  }
}
