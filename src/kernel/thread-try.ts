// One exchange with the kernel on another thread, for short rows of ops of which nothing has to be
// looked at in between. It only tries: what the kernel refuses is not judged here but tried again
// by the caller, who knows what may stand in the way.

import { AppError } from '../lib/errors.ts';
import { NLM_F_REQUEST } from '../netlink/constants.ts';
import { decodeLink, encodeLinkQuery } from '../netlink/link.ts';
import type { MessageWriter } from '../netlink/message.ts';
import type { Op } from '../state/op.ts';
import type { Sent } from './judge-answers.ts';
import type { LinkAdd } from './link-touches.ts';
import type { NetlinkSocket } from './netlink-socket.ts';
import { requestPlainly } from './plain-requests.ts';
import type { Resolver } from './requests.ts';
import type { Session } from './session.ts';

/** Ops that belong together. */
export type Job = {
  readonly ops: readonly Op[];
  /** The indexes that links which are made are to get. */
  readonly indexes: ReadonlyMap<string, number>;
  /** Links that are asked for at the end, which makes them send (see Kernel.settleLinks). */
  readonly settles: readonly string[];
};

/** Nobody else may use either until the exchange is over. */
export type Channel = { readonly socket: NetlinkSocket; readonly writer: MessageWriter };

/**
 * The ops that were carried out: of a job all, or only the links that it made, or nothing. Never
 * rejects: the kernel's refusals and those of the socket are the same to the caller.
 */
export async function tryInThread(
  session: Session,
  { socket, writer }: Channel,
  jobs: readonly Job[],
): Promise<ReadonlyMap<Job, readonly Op[]>> {
  const sent = new Map(jobs.map((job) => [job, writeJob(session, job, writer)]));
  try {
    const found = new Set<string>();
    const failures = await socket.exchangeInThread(writer, (message) => {
      const link = decodeLink(message);
      session.links.set(link);
      found.add(link.name);
    });
    const isDone = ({ op, sequence }: Sent): boolean =>
      !failures.has(sequence) && (!isLinkAdd(op) || found.has(op.value.name));
    return new Map([...sent].map(([job, requests]) => [job, doneOf(job, requests, isDone)]));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    writer.clear();
    return new Map();
  }
}

type Requests = { readonly isWhole: boolean; readonly sent: readonly Sent[] };

/** A job that cannot be written whole is not sent at all but for what was written before. */
function writeJob(
  session: Session,
  { ops, indexes, settles }: Job,
  writer: MessageWriter,
): Requests {
  const resolver: Resolver = {
    session,
    writer,
    link: (name) => indexes.get(name) ?? session.links.indexOf(name) ?? unknown(name),
    nexthop: ({ gateway }) => unknown(gateway),
  };
  const sent: Sent[] = [];
  try {
    requestPlainly(resolver, ops, sent);
    for (const name of [...indexes.keys(), ...settles]) {
      encodeLinkQuery(writer, NLM_F_REQUEST, { name });
    }
    return { isWhole: true, sent };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { isWhole: false, sent };
  }
}

function doneOf(
  { ops }: Job,
  { isWhole, sent }: Requests,
  isDone: (request: Sent) => boolean,
): readonly Op[] {
  if (isWhole && sent.every(isDone)) return ops;
  return sent.filter((request) => isLinkAdd(request.op) && isDone(request)).map(({ op }) => op);
}

export const isLinkAdd = (op: Op): op is LinkAdd => op.object === 'link' && op.verb === 'add';

const unknown = (name: string): never => {
  throw new AppError('NETLINK', `look up ${name}`, 'it is not known yet');
};
