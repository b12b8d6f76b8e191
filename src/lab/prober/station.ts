// Everything that the prober has in one endpoint's namespace: the namespace itself, held open, and
// the responders at each of its addresses. What could not be opened is a problem that belongs to
// the endpoint (and family), so that all others are probed all the same.

import { closeSync } from 'node:fs';
import { openNetns } from '../../kernel/netns.ts';
import { describeError } from '../../lib/errors.ts';
import type { Family } from '../../net/family.ts';
import type { Ip } from '../../net/ip.ts';
import { familyOf } from '../../net/ip.ts';
import { openTcpResponder } from './tcp-responder.ts';
import type { TcpServer } from './tcp-server.ts';
import type { UdpArrival } from './udp-responder.ts';
import { UdpResponder } from './udp-responder.ts';

export type Responders = { readonly udp: UdpResponder; readonly tcp: TcpServer };

export type StationOptions = {
  /** Path of the namespace. */
  readonly netns: string;
  readonly addresses: readonly Ip[];
  readonly arrived: (arrival: UdpArrival) => void;
};

export class Station {
  readonly #netns: number | string;
  readonly #responders = new Map<Family, Responders | string>();

  private constructor(netns: number | string) {
    this.#netns = netns;
  }

  /** Never rejects. */
  static async open({ netns, addresses, arrived }: StationOptions): Promise<Station> {
    const station = new Station(openOrProblem(netns));
    const fd = station.#netns;
    if (typeof fd === 'string') return station;
    for (const address of addresses) {
      const opened = await openResponders(fd, address, arrived);
      station.#responders.set(familyOf(address), opened);
    }
    return station;
  }

  /** The namespace's descriptor, or why there is none. */
  get netns(): number | string {
    return this.#netns;
  }

  /** The responders, or why there are none. */
  responders(family: Family): Responders | string {
    if (typeof this.#netns === 'string') return this.#netns;
    return this.#responders.get(family) ?? `no ${family} address`;
  }

  async close(): Promise<void> {
    for (const responders of this.#responders.values()) {
      if (typeof responders === 'string') continue;
      responders.udp.close();
      await responders.tcp.close();
    }
    if (typeof this.#netns === 'number') closeSync(this.#netns);
  }
}

function openOrProblem(path: string): number | string {
  try {
    return openNetns(path).fd;
  } catch (error) {
    return describeError(error);
  }
}

async function openResponders(
  netns: number,
  address: Ip,
  arrived: StationOptions['arrived'],
): Promise<Responders | string> {
  const local = { address, port: 0 };
  let udp: UdpResponder | undefined;
  try {
    udp = new UdpResponder(netns, local, arrived);
    return { udp, tcp: await openTcpResponder(netns, local) };
  } catch (error) {
    udp?.close();
    return describeError(error);
  }
}
