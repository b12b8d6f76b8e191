// The real kernel behind the port of kernel.ts: one network namespace, by rtnetlink, nf_tables,
// sysctl files and the nft program. What is done how is in the files that this one puts together.

import type { Log } from '../lib/log.ts';
import type { Ip } from '../net/ip.ts';
import type { KernelState, Link } from '../state/kernel-state.ts';
import { type Op, removalOfLink } from '../state/op.ts';
import type { RouteLookup } from '../state/route-lookup.ts';
import { applyOps } from './apply.ts';
import { Conntrack } from './conntrack.ts';
import { fingerprintOf } from './fingerprint.ts';
import type {
  Hint,
  Kernel,
  LinkFailure,
  LinkRename,
  OpFailure,
  ReadScope,
  StaleConnections,
} from './kernel.ts';
import { lookUpRoutes } from './look-up.ts';
import type { NetnsRegistry } from './netns.ts';
import { answerFor } from './proxies.ts';
import { readState } from './read.ts';
import { removeLinks } from './remove-links.ts';
import { renameLink } from './rename-link.ts';
import { Session } from './session.ts';
import { Watcher } from './watch.ts';
import { Workspace } from './workspace.ts';

export type LinuxKernelSettings = {
  /** Open descriptor of the namespace; absent for the process's own. Stays the caller's. */
  readonly netns?: number;
  /** /proc/sys/net, or where that is mounted writable. */
  readonly procSysRoot: string;
  /** Where the other ends of veth pairs may go. */
  readonly netnsRegistry: NetnsRegistry;
  /** Shared with other kernels of this process; one of its own when absent. */
  readonly workspace?: Workspace;
  /** For one caller, who waits for each answer: what is applied goes by another thread. */
  readonly isBrief?: boolean;
  readonly log: Log;
};

class LinuxKernel implements Kernel {
  readonly #session: Session;
  readonly #log: Log;
  readonly #listeners = new Set<(hint: Hint) => void>();
  #watcher: Watcher | undefined;
  #isClosed = false;
  #conntrack: Conntrack | undefined;
  /** For a watch that begins after it. Not kept beside one: a state can be megabytes. */
  #lastRead: { readonly scope: ReadScope; readonly state: KernelState } | undefined;

  constructor(session: Session, log: Log) {
    this.#session = session;
    this.#log = log;
  }

  get hasNexthopObjects(): boolean {
    return this.#session.hasNexthopObjects;
  }

  get namespaceCookie(): string | undefined {
    return this.#session.route.namespaceCookie?.toString();
  }

  read(scope: ReadScope): KernelState {
    const state = readState({ session: this.#session }, scope);
    if (scope.aside === true) return state;
    if (this.#watcher === undefined) this.#lastRead = { scope, state };
    else this.#watcher.remember(scope, state);
    return state;
  }

  fingerprint(scope: ReadScope): string {
    return fingerprintOf(this.#session, scope);
  }

  async apply(ops: readonly Op[]): Promise<readonly OpFailure[]> {
    try {
      return await applyOps(this.#session, ops);
    } finally {
      this.#watcher?.emit();
    }
  }

  async removeLinks(
    names: readonly string[],
    gone: (name: string) => void,
  ): Promise<readonly LinkFailure[]> {
    try {
      const failures = await removeLinks(this.#session, names.map(removalOfLink), gone);
      return failures.flatMap(({ op, error }) =>
        op.object === 'link' ? [{ name: op.value.name, error }] : [],
      );
    } finally {
      this.#watcher?.emit();
    }
  }

  async settleLinks(names: readonly string[]): Promise<void> {
    await this.#session.threads.carryOut([], names);
  }

  renameLink(rename: LinkRename): void {
    renameLink(this.#session, rename);
    this.#watcher?.emit();
  }

  answerFor(link: string, addresses: ReadonlySet<Ip>): void {
    answerFor(this.#session, link, addresses);
  }

  peerIndexOf(link: string): number | undefined {
    const { links } = this.#session;
    return links.get(links.indexOf(link) ?? 0)?.peerIndex;
  }

  takeLink(link: Link, index: number): void {
    const { name, up, mtuBytes, mac, group, alias } = link;
    const kind = link.kind === 'other' ? link.driver : link.kind;
    const common = { name, up, mtuBytes, mac, group, alias };
    this.#session.links.set({ ...common, index, kind, ipv4Settings: [] });
    this.#session.currentLinks = new Set([...this.#session.currentLinks, name]);
  }

  async forgetConnections(stale: readonly StaleConnections[]): Promise<number> {
    if (stale.length === 0 || this.#isClosed) return 0;
    this.#conntrack ??= new Conntrack(this.#session);
    return this.#conntrack.forget(stale);
  }

  lookUp(destinations: readonly Ip[]): ReadonlyMap<Ip, RouteLookup> {
    return lookUpRoutes(this.#session, destinations);
  }

  watch(listener: (hint: Hint) => void): () => void {
    this.#listeners.add(listener);
    this.#watcher ??= this.#startWatching();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stopWatching();
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#stopWatching();
    this.#conntrack?.close();
    this.#session.close();
  }

  #startWatching(): Watcher {
    const watcher = new Watcher(this.#session, {
      log: this.#log,
      listener: (hint) => {
        for (const listener of this.#listeners) listener(hint);
      },
    });
    if (this.#lastRead !== undefined) {
      watcher.remember(this.#lastRead.scope, this.#lastRead.state);
      this.#lastRead = undefined;
    }
    // From before the watch: nobody told of what has changed since.
    this.#session.redirects.clear();
    this.#session.observer = watcher;
    return watcher;
  }

  #stopWatching(): void {
    this.#session.observer = undefined;
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

export function openKernel(settings: LinuxKernelSettings): Kernel {
  const { netns, procSysRoot, netnsRegistry, workspace = new Workspace(), log } = settings;
  const { isBrief = false } = settings;
  const session = new Session({ netns, procSysRoot, netnsRegistry, workspace, isBrief });
  return new LinuxKernel(session, log);
}
