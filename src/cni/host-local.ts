// The addresses that Flannel's plugins have given to pods of this node: one file for each, by the
// plugin host-local, in a directory per network. Whoever runs beside them must give none of these
// to another pod. They are looked at only while such pods are there. The plugin removes a file with
// its pod; a runtime that asks us instead, as it goes by the conflist of now, is answered here.

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AttachmentIdentity } from '../endpoint/identity.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Ip } from '../net/ip.ts';
import { parseIp } from '../net/ip.ts';

export type HostLocalParts = {
  /** Usually /var/lib/cni/networks. */
  readonly directory: string;
  /** How many pods of Flannel are on this node; undefined where its bridge is not. */
  podCount(): number | undefined;
  readonly log: Log;
};

type Reservation = { readonly path: string; readonly address: Ip };

const NONE: ReadonlySet<Ip> = new Set();

export class HostLocal {
  readonly #parts: HostLocalParts;
  /** Paths of files that cannot be removed, of pods that are gone. */
  readonly #released = new Set<string>();
  #hasSeenAny = false;

  constructor(parts: HostLocalParts) {
    this.#parts = parts;
  }

  addresses(): ReadonlySet<Ip> {
    if (this.#parts.podCount() === undefined) return NONE;
    const { reservations } = this.#read();
    return new Set(reservations.map(({ address }) => address));
  }

  /** Why it is not known which addresses are taken; undefined when it is, or need not be. */
  problem(): string | undefined {
    const { podCount, directory } = this.#parts;
    const count = podCount() ?? 0;
    if (count === 0) return undefined;
    const { problem } = this.#read();
    // The last files go a moment before the last pods.
    if (this.#hasSeenAny) return undefined;
    return (
      `${count} pods of Flannel are on this node, and which addresses they have is not known: ` +
      (problem === '' ? `nothing is in ${directory} (--host-local-dir)` : problem)
    );
  }

  /** A pod that Flannel's plugins have attached is gone. */
  release({ containerId, ifName }: Pick<AttachmentIdentity, 'containerId' | 'ifName'>): void {
    if (this.#parts.podCount() === undefined) return;
    for (const { path, address } of this.#read().reservations) {
      const [container, link = ifName] = contentOf(path).split(/\r?\n/);
      if (container?.trim() !== containerId || link.trim() !== ifName) continue;
      this.#released.add(path);
      try {
        rmSync(path, { force: true });
      } catch (error) {
        // Mounted read-only: it is known as long as the agent runs, and then until no pod is left.
        this.#parts.log.debug({ path, error: describeError(error) }, 'a reservation stays');
      }
      this.#parts.log.info({ address, containerId }, 'an address of a pod of Flannel is free');
    }
  }

  #read(): { readonly reservations: readonly Reservation[]; readonly problem: string } {
    const { directory } = this.#parts;
    const reservations: Reservation[] = [];
    try {
      for (const network of readdirSync(directory, { withFileTypes: true })) {
        if (!network.isDirectory()) continue;
        for (const name of readdirSync(join(directory, network.name))) {
          const address = parseIp(name);
          const path = join(directory, network.name, name);
          if (address !== undefined && !this.#released.has(path)) {
            reservations.push({ path, address });
          }
        }
      }
      if (reservations.length > 0) this.#hasSeenAny = true;
      return { reservations, problem: '' };
    } catch (error) {
      return { reservations, problem: `${directory} cannot be read: ${describeError(error)}` };
    }
  }
}

/** '' when it went this moment. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
