// RTM_*TFILTER: the one filter that Poplin makes, which leads all that a link receives to another
// link (linux/pkt_cls.h, net/sched/cls_u32.c, act_mirred.c). It matches everything and redirects.
// u32 is what every distribution's kernel has.

import type { AttributeCursor, MessageCursor } from './cursor.ts';
import type { MessageWriter } from './message.ts';
import { TCMSG_BYTES, tcLinkOf, writeTcHead } from './qdisc.ts';

export const RTM_NEWTFILTER = 44;
export const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;

/** TC_H_CLSACT and TC_H_MIN_INGRESS: what the link receives; for the `ingress` qdisc as well. */
const RECEIVED = 0xfffffff2;
/** ETH_P_ALL in network order. */
const ALL_PROTOCOLS = 0x0300;

const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_U32_SEL = 5;
const TCA_U32_ACT = 7;
const FIRST_ACTION = 1;
const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const TCA_MIRRED_PARMS = 2;
const TC_U32_TERMINAL = 1;
/** struct tc_u32_sel with one key of 16 bytes, all of which is zero: it matches everything. */
const SELECTOR_BYTES = 32;
/** struct tc_mirred: five numbers that all actions have, then what to do and with which link. */
const MIRRED_BYTES = 28;
const TC_ACT_STOLEN = 4;
const TCA_EGRESS_REDIR = 1;

export type FilterMessage = {
  readonly linkIndex: number;
  readonly priority: number;
  /** The link that everything is led to, 0 when that is gone. Absent for any other filter. */
  readonly redirectIndex?: number;
};

const infoOf = (priority: number): number => ((priority << 16) | ALL_PROTOCOLS) >>> 0;

export function encodeRedirect(
  writer: MessageWriter,
  flags: number,
  filter: FilterMessage & { readonly redirectIndex: number },
): number {
  const { linkIndex, priority, redirectIndex } = filter;
  const sequence = writer.begin(RTM_NEWTFILTER, flags);
  writeTcHead(writer, { linkIndex, handle: 0, parent: RECEIVED, info: infoOf(priority) });
  writer.attributeString(TCA_KIND, 'u32');
  const options = writer.beginNested(TCA_OPTIONS);
  const selector = Buffer.alloc(SELECTOR_BYTES);
  selector.writeUInt8(TC_U32_TERMINAL, 0);
  selector.writeUInt8(1, 2);
  writer.attributeBytes(TCA_U32_SEL, selector);
  const actions = writer.beginNested(TCA_U32_ACT);
  const action = writer.beginNested(FIRST_ACTION);
  writer.attributeString(TCA_ACT_KIND, 'mirred');
  const actionOptions = writer.beginNested(TCA_ACT_OPTIONS);
  const mirred = Buffer.alloc(MIRRED_BYTES);
  mirred.writeInt32LE(TC_ACT_STOLEN, 8);
  mirred.writeInt32LE(TCA_EGRESS_REDIR, 20);
  mirred.writeUInt32LE(redirectIndex, 24);
  writer.attributeBytes(TCA_MIRRED_PARMS, mirred);
  writer.endNested(actionOptions);
  writer.endNested(action);
  writer.endNested(actions);
  writer.endNested(options);
  writer.end();
  return sequence;
}

/** All of a link's filters of one priority. */
export function encodeFilterRemoval(
  writer: MessageWriter,
  flags: number,
  filter: Pick<FilterMessage, 'linkIndex' | 'priority'>,
): number {
  const { linkIndex, priority } = filter;
  const sequence = writer.begin(RTM_DELTFILTER, flags);
  writeTcHead(writer, { linkIndex, handle: 0, parent: RECEIVED, info: infoOf(priority) });
  writer.end();
  return sequence;
}

/** Those of what one link receives. */
export function encodeFilterDump(writer: MessageWriter, flags: number, linkIndex: number): number {
  const sequence = writer.begin(RTM_GETTFILTER, flags);
  writeTcHead(writer, { linkIndex, handle: 0, parent: RECEIVED, info: 0 });
  writer.end();
  return sequence;
}

/** A u32 filter is told as several messages, of which one has the selector and the action. */
export function decodeFilter(message: MessageCursor): FilterMessage {
  const header = message.header(TCMSG_BYTES);
  const filter: { -readonly [Key in keyof FilterMessage]: FilterMessage[Key] } = {
    linkIndex: tcLinkOf(message),
    priority: message.bytes.readUInt32LE(header + 16) >>> 16,
  };
  let kind = '';
  const attributes = message.attributes(TCMSG_BYTES);
  while (attributes.next()) {
    if (attributes.type === TCA_KIND) kind = attributes.string();
    else if (attributes.type === TCA_OPTIONS && kind === 'u32') {
      const index = redirectOf(attributes.nested());
      if (index !== undefined) filter.redirectIndex = index;
    }
  }
  return filter;
}

function redirectOf(options: AttributeCursor): number | undefined {
  let matchesAll = false;
  let index: number | undefined;
  while (options.next()) {
    if (options.type === TCA_U32_SEL) matchesAll = isAllSelector(options.copy());
    else if (options.type === TCA_U32_ACT) index = actionLink(options.nested());
  }
  return matchesAll ? index : undefined;
}

/** Without keys or with one that compares no bit. */
function isAllSelector(selector: Buffer): boolean {
  const keys = selector.subarray(SELECTOR_BYTES / 2);
  return keys.length <= SELECTOR_BYTES / 2 && keys.every((byte) => byte === 0);
}

/** Where a single redirection leads. */
function actionLink(actions: AttributeCursor): number | undefined {
  while (actions.next()) {
    const action = actions.nested();
    let kind = '';
    while (action.next()) {
      if (action.type === TCA_ACT_KIND) kind = action.string();
      else if (action.type === TCA_ACT_OPTIONS && kind === 'mirred') {
        return mirredLink(action.nested());
      }
    }
  }
  return undefined;
}

function mirredLink(options: AttributeCursor): number | undefined {
  while (options.next()) {
    if (options.type !== TCA_MIRRED_PARMS || options.lengthBytes < MIRRED_BYTES) continue;
    const mirred = options.copy();
    return mirred.readInt32LE(20) === TCA_EGRESS_REDIR ? mirred.readUInt32LE(24) : undefined;
  }
  return undefined;
}
