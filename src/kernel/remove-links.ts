// Removal of links. The kernel acknowledges it only after an RCU grace period of some 20 ms, so it
// happens on a thread of its own, and whoever must not wait so long is told when the kernel says to
// all listeners that the link is gone, after less than one; and several links go in one step, as a
// group that they are put into right before, instead of one grace period after the other. Each is
// set down first: what it still sends must not pass filters that know it by its old group.

import { AppError } from '../lib/errors.ts';
import type { Answer } from '../netlink/answer.ts';
import { CHANGE, REMOVE } from '../netlink/constants.ts';
import { encodeLink, RTM_DELLINK, RTM_SETLINK } from '../netlink/link.ts';
import { MessageWriter } from '../netlink/message.ts';
import type { Link } from '../state/kernel-state.ts';
import type { LinkRemoval } from '../state/op.ts';
import { describeOp } from './describe-op.ts';
import type { OpFailure } from './kernel.ts';
import { ERRNO } from './libc.ts';
import { failureOf, NETLINK_ROUTE, NetlinkSocket } from './netlink-socket.ts';
import type { Session } from './session.ts';

/** "ppln": no group that anybody would choose. */
const REMOVAL_GROUP = 0x70706c6e;
/** Three messages for each must fit into one batch. */
const LINKS_PER_STEP = 40;
const WRITER_BYTES = 16 * 1024;

/** Unless somebody watches the namespace, `gone` is never called. */
export async function removeLinks(
  session: Session,
  ops: readonly LinkRemoval[],
  gone?: (name: string) => void,
): Promise<readonly OpFailure[]> {
  // A socket for this call alone: other requests go on while the kernel works on this one.
  const { netns, workspace } = session;
  const socket = new NetlinkSocket({ protocol: NETLINK_ROUTE, netns, workspace });
  const failures: OpFailure[] = [];
  try {
    for (let start = 0; start < ops.length; start += LINKS_PER_STEP) {
      const step = ops.slice(start, start + LINKS_PER_STEP);
      forgetLinks(session, step, gone);
      failures.push(...(await removeStep(socket, step)));
    }
    rememberLinks(session, failures);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return ops.map((op) => ({ op, error }));
  } finally {
    socket.close();
  }
  return failures;
}

/** From now on the kernel tells of what dies with them. */
function forgetLinks(
  session: Session,
  ops: readonly LinkRemoval[],
  gone?: (name: string) => void,
): void {
  for (const { value } of ops) {
    const index = session.links.indexOf(value.name);
    if (index === undefined) continue;
    session.observer?.linkDies(index, () => gone?.(value.name));
    session.links.forget(index);
  }
}

function rememberLinks(session: Session, failures: readonly OpFailure[]): void {
  for (const { op } of failures) {
    if (op.object !== 'link') continue;
    const index = session.queryLink(op.value.name);
    if (index !== undefined) session.observer?.linkStays(index);
  }
}

async function removeStep(
  socket: NetlinkSocket,
  ops: readonly LinkRemoval[],
): Promise<readonly OpFailure[]> {
  const writer = new MessageWriter(WRITER_BYTES);
  if (ops.length > 1) {
    for (const { value } of ops) moveToRemovalGroup(writer, value);
    const request = { type: RTM_DELLINK, flags: REMOVE };
    const sequence = encodeLink(writer, request, { group: REMOVAL_GROUP });
    const answers = await socket.exchangeInThread(writer);
    // ENODEV: none of them was there.
    if (isDone(answers.get(sequence))) return [];
  }
  // One link, or links one of which cannot be removed: each says for itself how it went.
  const sequences = ops.map(({ value: { name } }) =>
    encodeLink(writer, { type: RTM_DELLINK, flags: REMOVE }, { name }),
  );
  const answers = await socket.exchangeInThread(writer);
  return ops.flatMap((op, index) => {
    const answer = answers.get(sequences[index] ?? 0);
    if (answer === undefined || isDone(answer)) return [];
    return [{ op, error: failureOf(describeOp(op), answer) }];
  });
}

function moveToRemovalGroup(writer: MessageWriter, { name }: Link): void {
  const request = { type: RTM_SETLINK, flags: CHANGE };
  encodeLink(writer, request, { name, up: false });
  encodeLink(writer, request, { name, group: REMOVAL_GROUP });
}

const isDone = (answer: Answer | undefined): boolean =>
  answer === undefined || answer.errno === ERRNO.ENODEV;
