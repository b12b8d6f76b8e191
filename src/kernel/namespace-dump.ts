// Everything that a namespace holds, whoever made it, as plain objects to be written down: for
// people who look for a fault from afar. Nothing is compared with it. What cannot be decoded is
// kept as bytes.

import { AppError } from '../lib/errors.ts';
import { decodeAddress, encodeAddressDump } from '../netlink/address.ts';
import { AF_BRIDGE, AF_INET, AF_INET6, DUMP } from '../netlink/constants.ts';
import type { MessageCursor } from '../netlink/cursor.ts';
import { decodeFdbEntry } from '../netlink/fdb.ts';
import { decodeLink, encodeLinkQuery } from '../netlink/link.ts';
import type { MessageWriter } from '../netlink/message.ts';
import { decodeNeighbour, encodeNeighbourDump } from '../netlink/neighbour.ts';
import { decodeNexthop, encodeNexthopDump } from '../netlink/nexthop.ts';
import { decodeRoute, encodeRouteDump } from '../netlink/route.ts';
import { decodeRule, encodeRuleDump } from '../netlink/rule.ts';
import { NetnsRegistry } from './netns.ts';
import { Session } from './session.ts';
import { Workspace } from './workspace.ts';

/** By what it is of: `links`, `routes`, …; or why it could not be read. */
export type NamespaceDump = Readonly<Record<string, readonly unknown[] | string>>;

type Part = {
  readonly what: string;
  write(writer: MessageWriter): unknown;
  decode(message: MessageCursor): unknown;
};

const PARTS: readonly Part[] = [
  { what: 'links', write: (writer) => encodeLinkQuery(writer, DUMP, {}), decode: decodeLink },
  { what: 'addresses', write: (writer) => encodeAddressDump(writer, DUMP), decode: decodeAddress },
  {
    what: 'routes-ipv4',
    write: (writer) => encodeRouteDump(writer, DUMP, { family: AF_INET, protocol: 0 }),
    decode: decodeRoute,
  },
  {
    what: 'routes-ipv6',
    write: (writer) => encodeRouteDump(writer, DUMP, { family: AF_INET6, protocol: 0 }),
    decode: decodeRoute,
  },
  { what: 'rules', write: (writer) => encodeRuleDump(writer, DUMP), decode: decodeRule },
  { what: 'nexthops', write: (writer) => encodeNexthopDump(writer, DUMP), decode: decodeNexthop },
  {
    what: 'neighbours',
    write: (writer) => encodeNeighbourDump(writer, DUMP, { family: 0, linkIndex: 0 }),
    decode: decodeNeighbour,
  },
  {
    what: 'fdb',
    write: (writer) => encodeNeighbourDump(writer, DUMP, { family: AF_BRIDGE, linkIndex: 0 }),
    decode: decodeFdbEntry,
  },
];

export function dumpNamespace(procSysRoot: string): NamespaceDump {
  const session = new Session({
    ...{ netns: undefined, procSysRoot, isBrief: true },
    ...{ netnsRegistry: new NetnsRegistry(), workspace: new Workspace() },
  });
  try {
    return Object.fromEntries(PARTS.map((part) => [part.what, dumpPart(session, part)]));
  } finally {
    session.close();
  }
}

function dumpPart(session: Session, { what, write, decode }: Part): readonly unknown[] | string {
  const objects: unknown[] = [];
  try {
    session.route.dump((writer) => void write(writer), session.writer, {
      operation: `read ${what}`,
      restart: () => objects.splice(0),
      visit: (message) => objects.push(decoded(message, decode)),
    });
    return objects;
  } catch (error) {
    // Kernels before 5.3 know no nexthops.
    if (error instanceof AppError) return error.message;
    throw error;
  }
}

function decoded(message: MessageCursor, decode: Part['decode']): unknown {
  try {
    return decode(message);
  } catch (error) {
    return { notDecoded: String(error) };
  }
}
