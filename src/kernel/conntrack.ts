// Makes the kernel forget connections that lead where nothing is any more. A walk over all that it
// tracks takes it 45 ms for a hundred thousand, and copying them out 300 ms, so that is done on
// another thread, for those that the kernel can tell apart alone, and what is asked for meanwhile
// goes together. What cannot be forgotten is no failure of the caller's: it ends by itself.

import { ipFromBytes } from '../net/ip.ts';
import type { Connection, ConntrackFilter, ConntrackTuple } from '../netlink/conntrack.ts';
import {
  addressBytes,
  decodeConnection,
  encodeConntrackDelete,
  encodeConntrackDump,
} from '../netlink/conntrack.ts';
import { AF_INET, AF_INET6, DUMP } from '../netlink/constants.ts';
import type { StaleConnections } from './kernel.ts';
import { lookUpRoutes } from './look-up.ts';
import { MESSAGES_PER_BATCH, NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.ts';
import type { Session } from './session.ts';
import { Workspace } from './workspace.ts';

/** IPPROTO_UDP of linux/in.h. */
const UDP = 17;
/** For more than these one walk over all is cheaper than a walk for each. */
const WALKS_MAX = 6;
const FAMILIES = [AF_INET, AF_INET6] as const;
/** How many are tracked in this namespace. */
const COUNT = 'netfilter/nf_conntrack_count';

type Waiting = {
  readonly stale: readonly StaleConnections[];
  readonly settle: (count: number) => void;
  readonly fail: (error: unknown) => void;
};

/** One dump: of a family, narrowed down to what some of the stale ones have in common. */
type Walk = {
  readonly family: number;
  readonly filter?: ConntrackFilter;
  readonly tests: readonly Test[];
};

type Test = {
  readonly wants: (original: ConntrackTuple, reply: ConntrackTuple) => boolean;
  /** Asked once more right before: it may have changed since the walk. */
  readonly stillWants: (connection: Connection) => boolean;
};

export class Conntrack {
  readonly #session: Session;
  readonly #workspace = new Workspace();
  readonly #socket: NetlinkSocket;
  #waiting: Waiting[] = [];
  #isWorking = false;
  #isClosed = false;

  constructor(session: Session) {
    this.#session = session;
    const { netns } = session;
    const workspace = this.#workspace;
    this.#socket = new NetlinkSocket({ protocol: NETLINK_NETFILTER, netns, workspace });
  }

  /** How many were forgotten, by all that was asked for together. Rejects with AppError. */
  forget(stale: readonly StaleConnections[]): Promise<number> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ stale, settle, fail });
      if (!this.#isWorking) void this.#work();
    });
  }

  /** What is under way ends first. */
  close(): void {
    this.#isClosed = true;
    if (!this.#isWorking) this.#socket.close();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        const count = await this.#forgetAll(batch.flatMap(({ stale }) => stale));
        for (const { settle } of batch) settle(count);
      } catch (error) {
        for (const { fail } of batch) fail(error);
      }
    }
    this.#isWorking = false;
    if (this.#isClosed) this.#socket.close();
  }

  async #forgetAll(stale: readonly StaleConnections[]): Promise<number> {
    let count = 0;
    // The kernel's table is that of all namespaces together, and long also where it is empty.
    if (this.#session.sysctls.read([COUNT]).get(COUNT) === '0') return count;
    for (const walk of walksFor(stale, (address) => this.#isLocal(address))) {
      const found = await this.#find(walk);
      for (let start = 0; start < found.length; start += MESSAGES_PER_BATCH) {
        count += await this.#remove(found.slice(start, start + MESSAGES_PER_BATCH), walk);
      }
    }
    return count;
  }

  async #find({ family, filter, tests }: Walk): Promise<readonly Connection[]> {
    const { writer } = this.#workspace;
    const found: Connection[] = [];
    writer.clear();
    encodeConntrackDump(writer, DUMP, { family, filter });
    await this.#socket.dumpInThread(writer, {
      operation: 'read connections',
      visit: (message) => {
        const connection = decodeConnection(message, (original, reply) =>
          tests.some(({ wants }) => wants(original, reply)),
        );
        if (connection !== undefined) found.push(connection);
      },
    });
    return found;
  }

  /** One that has ended by itself counts as one. */
  async #remove(found: readonly Connection[], { tests }: Walk): Promise<number> {
    const { writer } = this.#workspace;
    writer.clear();
    for (const connection of found) {
      const isWanted = tests.some(
        ({ wants, stillWants }) =>
          wants(connection.original, connection.reply) && stillWants(connection),
      );
      if (isWanted) encodeConntrackDelete(writer, connection);
    }
    const { count } = writer;
    if (count > 0) await this.#socket.exchangeInThread(writer);
    return count;
  }

  #isLocal(address: string): boolean {
    const ip = ipFromBytes(Buffer.from(address, 'latin1'));
    return lookUpRoutes(this.#session, [ip]).get(ip)?.kind === 'local';
  }
}

function walksFor(
  stale: readonly StaleConnections[],
  isLocal: (address: string) => boolean,
): readonly Walk[] {
  const walks = stale.map((one) => walkFor(one, isLocal));
  const isNarrow = walks.length <= WALKS_MAX && walks.every(({ filter }) => filter !== undefined);
  if (isNarrow) return walks;
  return FAMILIES.flatMap((family) => {
    const tests = walks.filter((walk) => walk.family === family).flatMap((walk) => walk.tests);
    return tests.length === 0 ? [] : [{ family, tests }];
  });
}

function walkFor(stale: StaleConnections, isLocal: (address: string) => boolean): Walk {
  switch (stale.kind) {
    case 'sent-to-port':
      return sentToPort(stale, isLocal);
    case 'answered-by':
      return answeredBy(stale);
    case 'of-address':
      return ofAddress(stale);
  }
}

const familyOf = (address: string): number => (address.length === 4 ? AF_INET : AF_INET6);

type Kind<K extends StaleConnections['kind']> = StaleConnections & { readonly kind: K };

function sentToPort(
  { port, leadsTo, hostIp }: Kind<'sent-to-port'>,
  isLocal: (address: string) => boolean,
): Walk {
  const pod = addressBytes(leadsTo);
  const only = hostIp === undefined ? undefined : addressBytes(hostIp);
  return {
    family: familyOf(pod),
    filter: { by: 'protocol', protocol: UDP, destinationPort: port },
    tests: [
      {
        wants: ({ protocol, destinationPort, destination }, reply) =>
          protocol === UDP &&
          destinationPort === port &&
          reply.source !== pod &&
          (only === undefined || destination === only),
        // What only passes through this node, as a pod's question to a name server, is left alone.
        stillWants: ({ original }) => isLocal(original.destination),
      },
    ],
  };
}

function answeredBy({ address }: Kind<'answered-by'>): Walk {
  const pod = addressBytes(address);
  const family = familyOf(pod);
  const wants = (_: ConntrackTuple, { protocol, source }: ConntrackTuple): boolean =>
    protocol === UDP && source === pod;
  return {
    family,
    filter:
      family === AF_INET ? { by: 'answerer', ipv4: address } : { by: 'protocol', protocol: UDP },
    tests: [{ wants, stillWants: () => true }],
  };
}

function ofAddress({ address, isFree }: Kind<'of-address'>): Walk {
  const pod = addressBytes(address);
  return {
    family: familyOf(pod),
    tests: [
      {
        wants: (original, reply) => original.source === pod || reply.source === pod,
        stillWants: isFree,
      },
    ],
  };
}
