// Requests byte for byte: routes, rules and nftables. The bytes of the sequence number are left
// out of the comparison (`seq`), since each message has another.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import { ADD, NLM_F_REQUEST, REPLACE } from '../../../src/netlink/constants.ts';
import { encodeLinkQuery } from '../../../src/netlink/link.ts';
import { MessageWriter } from '../../../src/netlink/message.ts';
import { beginNftBatch, endNftBatch } from '../../../src/netlink/nft.ts';
import { encodeNftElements, NFT_MSG_NEWSETELEM } from '../../../src/netlink/nft-element.ts';
import { encodeRoute, encodeRouteLookup, RTM_NEWROUTE } from '../../../src/netlink/route.ts';
import { encodeRule, RTM_NEWRULE } from '../../../src/netlink/rule.ts';

const ip = (text: string): Ip => text as Ip;
const _mac = (text: string): Mac => text as Mac;

type Case = {
  readonly sentence: string;
  write(writer: MessageWriter): void;
  /** Hex digits, one attribute or header a word group. */
  readonly bytes: string;
};

const ROUTE_CASES: readonly Case[] = [
  {
    sentence: 'a route by a nexthop with source, metric and MTU',
    write: (writer) =>
      encodeRoute(
        writer,
        { type: RTM_NEWROUTE, flags: REPLACE },
        {
          destination: '10.244.3.0/24' as Cidr,
          type: 1,
          table: 254,
          metric: 16,
          protocol: 113,
          scope: 0,
          flags: 0,
          linkIndex: 0,
          nexthopId: 7,
          gateway: undefined,
          source: ip('10.244.1.0'),
          mtuBytes: 1350,
          hops: [],
        },
      ),
    bytes: `50000000 1800 0505 seq 02180000 fe710001 00000000
      08000100 0af40300 08000f00 fe000000 08000600 10000000 08001e00 07000000
      08000700 0af40100 0c000880 08000200 46050000`,
  },
  {
    sentence: 'an IPv6 default route to an onlink gateway in a table with a large number',
    write: (writer) =>
      encodeRoute(
        writer,
        { type: RTM_NEWROUTE, flags: ADD },
        {
          destination: '::/0' as Cidr,
          type: 1,
          table: 1000,
          metric: 0,
          protocol: 113,
          scope: 0,
          flags: 4,
          linkIndex: 4,
          nexthopId: 0,
          gateway: ip('fd00:3::'),
          source: undefined,
          mtuBytes: undefined,
          hops: [],
        },
      ),
    bytes: `40000000 1800 0506 seq 0a000000 00710001 04000000
      08000f00 e8030000 08000400 04000000 14000500 fd000003000000000000000000000000`,
  },
  {
    sentence: 'a route by several nexthops, one of them without a gateway',
    write: (writer) =>
      encodeRoute(
        writer,
        { type: RTM_NEWROUTE, flags: ADD },
        {
          destination: '10.244.3.0/32' as Cidr,
          type: 1,
          table: 113,
          metric: 16,
          protocol: 113,
          scope: 0,
          flags: 0,
          linkIndex: 0,
          nexthopId: 0,
          gateway: undefined,
          source: undefined,
          mtuBytes: undefined,
          hops: [
            { linkIndex: 4, gateway: ip('192.168.7.2'), weight: 1, flags: 4 },
            { linkIndex: 5, gateway: undefined, weight: 3, flags: 0 },
          ],
        },
      ),
    bytes: `50000000 1800 0506 seq 02200000 71710001 00000000
      08000100 0af40300 08000f00 71000000 08000600 10000000
      1c000900 10000400 04000000 08000500 c0a80702 08000002 05000000`,
  },
  {
    sentence: 'a lookup',
    write: (writer) => encodeRouteLookup(writer, NLM_F_REQUEST, ip('10.244.3.7')),
    bytes: '24000000 1a00 0100 seq 02200000 00000000 00000000 08000100 0af40307',
  },
  {
    sentence: 'a rule',
    write: (writer) =>
      encodeRule(
        writer,
        { type: RTM_NEWRULE, flags: ADD },
        { family: 'ipv6', priority: 113, mark: 0x1000, markMask: 0x1000, table: 113 },
      ),
    bytes: `3c000000 2000 0506 seq 0a000000 71000001 00000000
      08000600 71000000 08000a00 00100000 08001000 00100000 08000f00 71000000`,
  },
];

const NFT_CASES: readonly Case[] = [
  {
    sentence: 'the begin of a transaction names nf_tables',
    write: (writer) => beginNftBatch(writer, 1),
    bytes: '14000000 1000 0100 seq 0000 000a',
  },
  {
    sentence: 'the end of a transaction',
    write: (writer) => endNftBatch(writer, 1),
    bytes: '14000000 1100 0100 seq 0000 000a',
  },
  {
    sentence: 'two elements of a set',
    write: (writer) =>
      encodeNftElements(
        writer,
        { type: NFT_MSG_NEWSETELEM, flags: 0x405 },
        {
          name: { table: 'poplin', set: 'pods' },
          elements: [{ key: Buffer.from([10, 244, 1, 5]) }, { key: Buffer.from([10, 244, 1, 6]) }],
        },
      ),
    bytes: `50000000 0c0a 0504 seq 0100 0000 0b000100 706f706c696e0000 09000200 706f647300000000
      24000380 10000180 0c000180 08000100 0af40105 10000180 0c000180 08000100 0af40106`,
  },
  {
    sentence: 'an element of a map',
    write: (writer) =>
      encodeNftElements(
        writer,
        { type: NFT_MSG_NEWSETELEM, flags: 0x405 },
        {
          name: { table: 'poplin', set: 'ports' },
          elements: [{ key: Buffer.from([6, 0, 0, 0]), data: Buffer.from([10, 244, 1, 5]) }],
        },
      ),
    bytes: `4c000000 0c0a 0504 seq 0100 0000 0b000100 706f706c696e0000 0a000200 706f727473000000
      20000380 1c000180 0c000180 08000100 06000000 0c000280 08000100 0af40105`,
  },
];

describe('requests for routes and nftables', () => {
  for (const { sentence, write, bytes } of [...ROUTE_CASES, ...NFT_CASES]) {
    test(sentence, () => {
      const writer = new MessageWriter(8);
      write(writer);
      const hex = writer.bytes().toString('hex');
      const expected = bytes.replace(/\s/g, '').replace('seq', hex.slice(16, 32));
      assert.equal(hex, expected);
    });
  }

  test('messages of one batch are numbered one after the other', () => {
    const writer = new MessageWriter(8, 0x7ffffffe);
    const numbers = [1, 2, 3].map(() => encodeLinkQuery(writer, NLM_F_REQUEST, { name: 'eth0' }));
    assert.deepEqual(numbers, [0x7ffffffe, 0x7fffffff, 1]);
    assert.equal(writer.count, 3);
    writer.clear();
    assert.deepEqual([writer.count, writer.lengthBytes], [0, 0]);
  });

  test('what an attribute cannot hold is refused', () => {
    const writer = new MessageWriter(8);
    const elements = Array.from({ length: 3000 }, () => ({ key: Buffer.alloc(16) }));
    const name = { table: 'poplin', set: 'pods' };
    assert.throws(
      () => encodeNftElements(writer, { type: NFT_MSG_NEWSETELEM, flags: 1 }, { name, elements }),
      /a nested attribute holds at most 65535 bytes/,
    );
  });
});
