// What the verbs work with: effects and settings that come in by parameter. The agent builds a
// context, tests build it around fakes; the service adds what it keeps for all calls.

import type { Kernel } from '../kernel/kernel.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { ConnectionSweeper } from './connection-sweeper.ts';
import type { HostLocal } from './host-local.ts';
import type { LinkRemover } from './link-remover.ts';
import type { NodeReadiness } from './node-network.ts';
import type { AttachmentStore } from './store.ts';
import type { StoreFiles } from './store-files.ts';

/** A network namespace by descriptor, as the executable sent it. */
export interface Namespaces {
  /** Inode of the agent's own namespace. */
  ownInode(): number;
  /** Inode of the namespace; `undefined` when the descriptor is of something else. */
  inodeOf(descriptor: number): number | undefined;
  /** Makes the namespace known to the host's kernel adapter, for a link whose end goes there. */
  hold(descriptor: number): HeldNamespace;
  /** Inode of the namespace that a path leads to now; `undefined` when it leads to none. */
  inodeAt(path: string): number | undefined;
  /** The caller closes it. Throws AppError when the path does not lead to that namespace. */
  open(path: string, inode: number): OpenNamespace;
}

export type OpenNamespace = { readonly descriptor: number; readonly close: () => void };

/** `path` is what VethPeer.netns takes, until `release`. */
type HeldNamespace = { readonly path: string; readonly release: () => void };

export type CniContext = {
  readonly store: AttachmentStore;
  readonly host: Kernel;
  /** The caller closes it; the descriptor stays the caller's as well. Throws AppError. */
  openPodKernel(descriptor: number): Kernel;
  readonly namespaces: Namespaces;
  /** What the node can give to a pod at this moment. */
  readiness(): NodeReadiness;
  readonly clock: Clock;
  readonly log: Log;
  /** Told after each attachment that came or went. */
  attachmentsChanged(): void;
  /** Addresses of pods that Flannel has attached; absent where there never were any. */
  readonly hostLocal?: Pick<HostLocal, 'release'>;
  readonly tombstones: { readonly directory: string; readonly files: StoreFiles };
  /** How long an ADD waits for the node to be ready. */
  readonly readyTimeoutMs: number;
  /** Ends waits; calls that are past waiting are finished. */
  readonly stop: AbortSignal;
};

/** The context, and what the service keeps for all calls together. */
export type CniWork = CniContext & {
  readonly remover: LinkRemover;
  readonly sweeper: ConnectionSweeper;
};
