// The agent's CNI side for tests: service, store and socket on one namespace that stands for the
// host, through the real kernel adapter. `wrap` lets a test break effects.

import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { CniContext } from '../../../src/cni/context.ts';
import { systemNamespaces } from '../../../src/cni/namespaces.ts';
import type { NodeNetwork, NodeReadiness } from '../../../src/cni/node-network.ts';
import { CniServer } from '../../../src/cni/server.ts';
import type { CniCall } from '../../../src/cni/service.ts';
import { CniService } from '../../../src/cni/service.ts';
import { AttachmentStore } from '../../../src/cni/store.ts';
import type { StoreFiles } from '../../../src/cni/store-files.ts';
import { systemFiles } from '../../../src/cni/store-files.ts';
import type { Kernel } from '../../../src/kernel/kernel.ts';
import { openKernel } from '../../../src/kernel/linux.ts';
import { NetnsRegistry, openNetns } from '../../../src/kernel/netns.ts';
import { Workspace } from '../../../src/kernel/workspace.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';

export const NETWORK: NodeNetwork = {
  subnets: ['10.244.1.0/24', 'fd00:10:244:1::/64'] as Cidr[],
  sources: ['10.244.1.0', 'fd00:10:244:1::'] as Ip[],
  whenFull: { kind: 'stays', reason: 'the test gives no more' } as const,
  linkMtuBytes: 1500,
  routeMtuBytes: 1450,
};

export const READY: NodeReadiness = { kind: 'ready', network: NETWORK };

const readyWith = (subnets: readonly Cidr[]): NodeReadiness => ({
  kind: 'ready',
  network: { ...NETWORK, subnets },
});

export type AgentPlace = {
  /** Path of the namespace that stands for the host. */
  readonly netns: string;
  readonly directory: string;
  readonly socketPath: string;
  /** Of the pods; both families when absent. */
  readonly subnets?: readonly Cidr[];
};

export type AgentHooks = {
  readonly readiness?: () => NodeReadiness;
  readonly onCall?: (call: CniCall) => void;
  readonly wrapKernel?: (kernel: Kernel) => Kernel;
  readonly files?: StoreFiles;
};

export type Agent = { readonly service: CniService; stop(): Promise<void> };

export const attachmentDirectoryOf = (directory: string): string =>
  join(directory, 'state/attachments');

export async function startAgent(place: AgentPlace, hooks: AgentHooks = {}): Promise<Agent> {
  const { fd: netns, inode } = openNetns(place.netns);
  const stopping = new AbortController();
  const context = contextOf(place, hooks, { netns, inode, stop: stopping.signal });
  const { onCall } = hooks;
  const service = new CniService({ context, ...(onCall === undefined ? {} : { onCall }) });
  const server = new CniServer({
    socketPath: place.socketPath,
    clock: systemClock,
    log: silentLog,
    prepare: () => service.replayTombstones(),
    handle: (frame, descriptor) => service.handle(frame, descriptor),
  });
  await server.start();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await server.close();
    context.host.close();
    closeSync(netns);
  };
  return { service, stop };
}

function contextOf(
  place: AgentPlace,
  { readiness, wrapKernel = (kernel) => kernel, files = systemFiles }: AgentHooks,
  { netns, inode, stop }: { netns: number; inode: number; stop: AbortSignal },
): CniContext {
  const netnsRegistry = new NetnsRegistry();
  const workspace = new Workspace();
  const common = { procSysRoot: '/proc/sys/net', netnsRegistry, workspace, log: silentLog };
  const host = wrapKernel(openKernel({ ...common, netns }));
  const directory = attachmentDirectoryOf(place.directory);
  return {
    store: new AttachmentStore({ directory, files, clock: systemClock, log: silentLog }),
    host,
    openPodKernel: (descriptor) => wrapKernel(openKernel({ ...common, netns: descriptor })),
    // The process itself is in the machine's namespace, the node is not.
    namespaces: { ...systemNamespaces(netnsRegistry), ownInode: () => inode },
    readiness: readiness ?? (() => readyWith(place.subnets ?? NETWORK.subnets)),
    clock: systemClock,
    log: silentLog,
    attachmentsChanged: () => undefined,
    tombstones: { directory: join(place.directory, 'state/tombstones'), files: systemFiles },
    readyTimeoutMs: 500,
    stop,
  };
}
