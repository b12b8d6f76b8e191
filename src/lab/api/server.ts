// The embedded Kubernetes API of the lab: a real server on real sockets, with its objects in memory
// and the two controllers that a pod network relies on (podCIDRs and garbage collection). It has no
// schemas and no admission, and of RBAC only what a test takes away. `startApiServer` is the only
// thing that the lab needs of this folder.

import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { inNetns } from '../../kernel/netns.ts';
import type { Clock } from '../../lib/clock.ts';
import { AppError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { Faults } from './faults.ts';
import { startGarbageCollector } from './garbage-collector.ts';
import { serveRequest } from './http.ts';
import { NAMESPACES } from './kinds.ts';
import { createObject } from './operations.ts';
import { Permissions } from './permissions.ts';
import type { PodCidrRange } from './pod-cidr-allocator.ts';
import { PodCidrController } from './pod-cidr-controller.ts';
import { Store } from './store.ts';
import { WatchHub } from './watch.ts';

type Listener =
  | { readonly port: number; readonly host: string }
  /** A socket that listens already. */
  | { readonly fd: number }
  /** Every address of the network namespace that the descriptor is of. */
  | { readonly port: number; readonly netns: number };

export type ApiServerOptions = {
  readonly listeners: readonly Listener[];
  readonly clock: Clock;
  readonly log: Log;
  /** Empty: nodes get no podCIDRs, as without --allocate-node-cidrs. */
  readonly podCidrRanges?: readonly PodCidrRange[];
  /** Namespaces that exist from the start, besides the usual ones. */
  readonly namespaces?: readonly string[];
  /** Between a deletion and that of its dependents; absent or 0: one step. */
  readonly collectionDelayMs?: number;
  readonly bookmarkIntervalMs?: number;
  readonly historyLength?: number;
  readonly firstRevision?: number;
  /** Accepted bearer tokens; the caller may change the set. Absent: everybody is let in. */
  readonly tokens?: ReadonlySet<string>;
  /** PEM texts; absent: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
};

export type ApiServer = {
  /** In the order of the listeners. */
  readonly ports: readonly number[];
  readonly store: Store;
  readonly hub: WatchHub;
  readonly faults: Faults;
  readonly permissions: Permissions;
  stop(): Promise<void>;
};

const USUAL_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { clock, log } = options;
  const store = makeStore(options);
  const faults = new Faults(clock);
  const hub = new WatchHub(store, clock);
  const stopping = new AbortController();
  const stopCollector = startGarbageCollector(store, {
    clock,
    delayMs: options.collectionDelayMs ?? 0,
  });
  const stopController = new PodCidrController(store, options.podCidrRanges ?? [], log).start();
  const permissions = new Permissions();
  const { tokens } = options;
  const context = { store, hub, faults, permissions, log, tokens, stop: stopping.signal };
  const pending = new Set<Promise<void>>();
  const onRequest: Parameters<typeof createServer>[1] = (incoming, response) => {
    const served = serveRequest(context, incoming, response);
    pending.add(served);
    void served.finally(() => pending.delete(served));
  };
  const servers = options.listeners.map(() =>
    options.tls === undefined ? createServer(onRequest) : createTlsServer(options.tls, onRequest),
  );
  const bookmarks = sendBookmarks(hub, options, stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    faults.thaw();
    stopController();
    stopCollector();
    hub.stop();
    await Promise.all(servers.map(close));
    await Promise.all([...pending, bookmarks]);
  };
  try {
    const ports = await Promise.all(
      servers.map((server, index) => listen(server, options.listeners[index])),
    );
    return { ports, store, hub, faults, permissions, stop };
  } catch (error) {
    await stop();
    throw new AppError('LAB', 'start the API', 'a socket cannot listen', error);
  }
}

function makeStore(options: ApiServerOptions): Store {
  const { clock, historyLength, firstRevision, namespaces = [] } = options;
  const store = new Store({
    clock,
    newUid: randomUUID,
    ...(historyLength === undefined ? {} : { historyLength }),
    ...(firstRevision === undefined ? {} : { firstRevision }),
  });
  for (const name of new Set([...USUAL_NAMESPACES, ...namespaces])) {
    createObject(store, { kind: NAMESPACES }, { metadata: { name } });
  }
  return store;
}

/** About once a minute, as the real server's watch cache does. */
async function sendBookmarks(
  hub: WatchHub,
  { clock, bookmarkIntervalMs = 60_000 }: ApiServerOptions,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    await clock.sleep(bookmarkIntervalMs, stop);
    if (!stop.aborted) hub.sendBookmarks();
  }
}

function listen(server: Server, listener: Listener | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
    if (listener !== undefined && 'netns' in listener) {
      // Without a host Node.js makes the socket at once, and so in the namespace.
      inNetns(listener.netns, () => server.listen(listener.port));
    } else {
      server.listen(listener);
    }
  });
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
