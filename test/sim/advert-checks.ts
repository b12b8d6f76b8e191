// What nodes publish about themselves must be true: a sender goes by it. When an agent publishes
// that it receives by a VXLAN network, its kernel has the device; and no agent takes away a device
// that what it has published still promises. Others may: then the agent has it made again.

import type { Advert } from '../../src/cluster/advert.ts';
import { parseAdvert } from '../../src/cluster/advert.ts';
import { NODES } from '../../src/lab/api/kinds.ts';
import type { Store } from '../../src/lab/api/store.ts';
import { familyOf } from '../../src/net/ip.ts';
import { ADVERT_ANNOTATION } from '../../src/source/kubernetes/annotations.ts';
import type { Op } from '../../src/state/op.ts';
import { printOp } from '../../src/state/print.ts';
import type { SimMachine } from './machine.ts';

export type AdvertChecksParts = {
  readonly store: Store;
  readonly machines: () => Iterable<SimMachine>;
  readonly isUndisturbed: (machine: SimMachine) => boolean;
  /** A server has shown it an old advert of its own. */
  readonly isMisled: (machine: SimMachine) => boolean;
  readonly onViolation: (text: string) => void;
};

type Receiver = Advert['receives']['vxlan'][number];

export class AdvertChecks {
  readonly #parts: AdvertChecksParts;
  /** What the operation that is tried now must leave as it is. */
  #tried: Op | undefined;
  #kept: readonly Receiver[] = [];

  constructor(parts: AdvertChecksParts) {
    this.#parts = parts;
    parts.store.subscribe(({ type, entry }) => {
      if (type !== 'DELETED' && entry.kind === NODES) this.#published(entry.key);
    });
  }

  before(machine: SimMachine, op: Op): void {
    this.#tried = op;
    this.#kept = [];
    if (this.#parts.isMisled(machine)) return;
    const isMeant = op.object === 'link' && op.verb !== 'add' && op.value.kind === 'vxlan';
    this.#kept = isMeant ? this.#promisedBy(machine).filter((one) => keeps(machine, one)) : [];
  }

  after(machine: SimMachine, op: Op): void {
    // One that was refused has no after: the next is in another namespace, and not ours to judge.
    if (op !== this.#tried) return;
    for (const receiver of this.#kept) {
      if (keeps(machine, receiver)) continue;
      this.#parts.onViolation(
        `${machine.id} still says that it receives ${describe(receiver)}: ${printOp(op)}`,
      );
    }
    this.#kept = [];
  }

  #published(nodeName: string): void {
    for (const machine of this.#parts.machines()) {
      if (machine.nodeName !== nodeName || !this.#parts.isUndisturbed(machine)) continue;
      for (const receiver of this.#promisedBy(machine)) {
        if (keeps(machine, receiver)) continue;
        this.#parts.onViolation(
          `${machine.id} says that it receives ${describe(receiver)}, and does not`,
        );
      }
    }
  }

  #promisedBy({ nodeName, id }: SimMachine): readonly Receiver[] {
    const node = this.#parts.store.get(NODES, nodeName);
    const text = node?.object.metadata.annotations?.[ADVERT_ANNOTATION];
    const parsed = text === undefined ? undefined : parseAdvert(text);
    if (parsed?.kind !== 'ok' || parsed.advert.machine !== id) return [];
    return parsed.advert.receives.vxlan;
  }
}

const keeps = ({ host }: SimMachine, { family, vni, port, mac }: Receiver): boolean =>
  [...host.links.values()].some(
    (link) =>
      link.kind === 'vxlan' &&
      link.up &&
      link.vni === vni &&
      link.portNumber === port &&
      link.mac === mac &&
      familyOf(link.local) === family,
  );

const describe = ({ family, vni, port }: Receiver): string =>
  `VNI ${vni} on port ${port} over ${family}`;
