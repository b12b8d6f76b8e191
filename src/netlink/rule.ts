// RTM_*RULE: routing policy rules (linux/fib_rules.h, net/core/fib_rules.c), as far as Poplin makes
// them: packets with a mark are looked up in a table of their own.

import type { Family } from '../net/family.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from './constants.ts';
import type { MessageCursor } from './cursor.ts';
import type { MessageWriter } from './message.ts';

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
const RTM_GETRULE = 34;

const FIB_RULE_HDR_BYTES = 12;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FR_ACT_TO_TBL = 1;

export type RuleMessage = {
  readonly family: Family;
  readonly priority: number;
  readonly mark: number;
  readonly markMask: number;
  readonly table: number;
};

export function encodeRule(
  writer: MessageWriter,
  request: { readonly type: number; readonly flags: number },
  rule: RuleMessage,
): number {
  const sequence = writer.begin(request.type, request.flags);
  ruleHeader(writer, {
    family: rule.family === 'ipv6' ? AF_INET6 : AF_INET,
    table: rule.table < 256 ? rule.table : 0,
    action: FR_ACT_TO_TBL,
  });
  writer.attributeU32(FRA_PRIORITY, rule.priority);
  writer.attributeU32(FRA_FWMARK, rule.mark);
  writer.attributeU32(FRA_FWMASK, rule.markMask);
  writer.attributeU32(FRA_TABLE, rule.table);
  writer.end();
  return sequence;
}

/** A request for the rules of all families. */
export function encodeRuleDump(writer: MessageWriter, flags: number): number {
  const sequence = writer.begin(RTM_GETRULE, flags);
  ruleHeader(writer, { family: AF_UNSPEC, table: 0, action: 0 });
  writer.end();
  return sequence;
}

function ruleHeader(
  writer: MessageWriter,
  header: { readonly family: number; readonly table: number; readonly action: number },
): void {
  writer.u8(header.family);
  writer.u8(0);
  writer.u8(0);
  writer.u8(0);
  writer.u8(header.table);
  writer.u8(0);
  writer.u8(0);
  writer.u8(header.action);
  writer.u32(0);
}

/** Undefined for rules of multicast routing, which have families of their own. */
export function decodeRule(message: MessageCursor): RuleMessage | undefined {
  const header = message.header(FIB_RULE_HDR_BYTES);
  const family = message.bytes.readUInt8(header);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  let priority = 0;
  let mark = 0;
  let markMask = 0;
  let table = message.bytes.readUInt8(header + 4);
  const attributes = message.attributes(FIB_RULE_HDR_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case FRA_PRIORITY:
        priority = attributes.u32();
        break;
      case FRA_FWMARK:
        mark = attributes.u32();
        break;
      case FRA_FWMASK:
        markMask = attributes.u32();
        break;
      case FRA_TABLE:
        table = attributes.u32();
        break;
    }
  }
  return { family: family === AF_INET6 ? 'ipv6' : 'ipv4', priority, mark, markMask, table };
}
