// Messages of a real kernel (test/fuzz/corpus) and what they mean; and that what is decoded,
// encoded and decoded again stays the same.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeAddress, encodeAddress, RTM_NEWADDR } from '../../../src/netlink/address.ts';
import { AddressText } from '../../../src/netlink/address-text.ts';
import { ADD } from '../../../src/netlink/constants.ts';
import { MessageCursor } from '../../../src/netlink/cursor.ts';
import { decodeFdbEntry, encodeFdbEntry } from '../../../src/netlink/fdb.ts';
import type { LinkMessage } from '../../../src/netlink/link.ts';
import { decodeLink, encodeLink, RTM_NEWLINK } from '../../../src/netlink/link.ts';
import { MessageWriter } from '../../../src/netlink/message.ts';
import { decodeNeighbour, encodeNeighbour, RTM_NEWNEIGH } from '../../../src/netlink/neighbour.ts';
import { decodeNexthop, encodeNexthop } from '../../../src/netlink/nexthop.ts';
import { decodeNftElements } from '../../../src/netlink/nft-element.ts';
import { decodeNftEventTable } from '../../../src/netlink/nft-event.ts';
import { decodeNftKey, nftKeyParts } from '../../../src/netlink/nft-key.ts';
import { decodeNftRule } from '../../../src/netlink/nft-rule.ts';
import { decodeNftSet } from '../../../src/netlink/nft-set.ts';
import { decodeRoute, encodeRoute, RTM_NEWROUTE } from '../../../src/netlink/route.ts';
import { decodeRule, encodeRule, RTM_NEWRULE } from '../../../src/netlink/rule.ts';
import { captured } from '../../fuzz/corpus.ts';

const text = new AddressText();

function cursorOn(bytes: Buffer): MessageCursor {
  const cursor = new MessageCursor(bytes, text);
  cursor.load(0, bytes.length);
  assert.ok(cursor.next(), 'there is a message');
  return cursor;
}

type Case = {
  readonly name: string;
  readonly meaning: unknown;
  decode(cursor: MessageCursor): unknown;
  /** Encodes what was decoded; absent for what Poplin only reads. */
  encode?(writer: MessageWriter, cursor: MessageCursor): void;
};

const request = (type: number): { type: number; flags: number } => ({ type, flags: ADD });

const withoutSettings = (cursor: MessageCursor): Partial<LinkMessage> => {
  const { ipv4Settings: _, ...rest } = decodeLink(cursor);
  return rest;
};

const LINK_CASES: readonly Case[] = [
  {
    name: 'link-lo',
    meaning: {
      index: 1,
      name: 'lo',
      up: false,
      mtuBytes: 65536,
      mac: '00:00:00:00:00:00',
      group: 0,
      alias: '',
      kind: '',
    },
    decode: withoutSettings,
    encode: (writer, cursor) => encodeLink(writer, request(RTM_NEWLINK), decodeLink(cursor)),
  },
  {
    name: 'link-vxlan',
    meaning: {
      index: 4,
      name: 'poplin4-1',
      up: true,
      mtuBytes: 1400,
      mac: '02:00:00:00:00:11',
      group: 0,
      alias: 'Hello',
      kind: 'vxlan',
      vxlan: {
        vni: 1,
        portNumber: 8472,
        underlayIndex: 3,
        learning: false,
        gbp: true,
        udpChecksum: true,
        local: '192.168.7.1',
      },
    },
    decode: withoutSettings,
    encode: (writer, cursor) => encodeLink(writer, request(RTM_NEWLINK), decodeLink(cursor)),
  },
];

const ADDRESS_CASES: readonly Case[] = [
  {
    name: 'address-ipv4',
    meaning: {
      linkIndex: 3,
      address: '192.168.7.1',
      lengthBits: 24,
      scope: 0,
      flags: 0x80,
      protocol: 0,
    },
    decode: decodeAddress,
    encode: (writer, cursor) => encodeAddress(writer, request(RTM_NEWADDR), decodeAddress(cursor)),
  },
  {
    name: 'address-ipv6',
    meaning: {
      linkIndex: 3,
      address: 'fd07::1',
      lengthBits: 64,
      scope: 0,
      flags: 0x82,
      protocol: 0,
    },
    decode: decodeAddress,
    encode: (writer, cursor) => encodeAddress(writer, request(RTM_NEWADDR), decodeAddress(cursor)),
  },
  {
    name: 'address-link-local',
    meaning: {
      linkIndex: 4,
      address: 'fe80::ff:fe00:11',
      lengthBits: 64,
      scope: 253,
      flags: 0xc0,
      protocol: 3,
    },
    decode: decodeAddress,
    encode: (writer, cursor) => encodeAddress(writer, request(RTM_NEWADDR), decodeAddress(cursor)),
  },
];

const ROUTE = {
  type: 1,
  table: 254,
  metric: 16,
  protocol: 113,
  scope: 0,
  flags: 0,
  linkIndex: 0,
  nexthopId: 0,
  gateway: undefined,
  source: undefined,
  mtuBytes: undefined,
  hops: [],
};

const ROUTE_CASES: readonly Case[] = [
  {
    name: 'route-nexthop',
    meaning: {
      ...ROUTE,
      destination: '10.244.3.0/24',
      flags: 4,
      linkIndex: 4,
      nexthopId: 7,
      gateway: '10.244.3.0',
      source: '192.168.7.1',
      mtuBytes: 1350,
    },
    decode: decodeRoute,
    encode: (writer, cursor) => encodeRoute(writer, request(RTM_NEWROUTE), decodeRoute(cursor)),
  },
  {
    name: 'route-unreachable',
    meaning: { ...ROUTE, destination: '10.244.0.0/16', type: 7 },
    decode: decodeRoute,
    encode: (writer, cursor) => encodeRoute(writer, request(RTM_NEWROUTE), decodeRoute(cursor)),
  },
  {
    name: 'route-ipv6',
    meaning: {
      ...ROUTE,
      destination: 'fd00:3::/64',
      table: 1000,
      linkIndex: 3,
      gateway: 'fd07::2',
    },
    decode: decodeRoute,
    encode: (writer, cursor) => encodeRoute(writer, request(RTM_NEWROUTE), decodeRoute(cursor)),
  },
];

const REACH_CASES: readonly Case[] = [
  {
    name: 'nexthop',
    meaning: { id: 7, linkIndex: 4, gateway: '10.244.3.0', onlink: true, protocol: 113 },
    decode: decodeNexthop,
    encode: (writer, cursor) => encodeNexthop(writer, ADD, decodeNexthop(cursor)),
  },
  {
    name: 'neighbour-ipv4',
    meaning: { linkIndex: 4, address: '10.244.3.0', mac: '02:00:00:00:00:33', state: 0x80 },
    decode: decodeNeighbour,
    encode: (writer, cursor) =>
      encodeNeighbour(writer, request(RTM_NEWNEIGH), decodeNeighbour(cursor)),
  },
  {
    name: 'neighbour-ipv6',
    meaning: { linkIndex: 4, address: 'fd00:3::', mac: '02:00:00:00:00:33', state: 0x80 },
    decode: decodeNeighbour,
    encode: (writer, cursor) =>
      encodeNeighbour(writer, request(RTM_NEWNEIGH), decodeNeighbour(cursor)),
  },
  {
    name: 'fdb',
    meaning: { linkIndex: 4, mac: '02:00:00:00:00:33', remote: '192.168.7.3', permanent: true },
    decode: decodeFdbEntry,
    encode: (writer, cursor) =>
      encodeFdbEntry(writer, request(RTM_NEWNEIGH), decodeFdbEntry(cursor)),
  },
  {
    name: 'rule',
    meaning: { family: 'ipv4', priority: 113, mark: 0x1000, markMask: 0x1000, table: 70_000 },
    decode: decodeRule,
    encode: (writer, cursor) => {
      const rule = decodeRule(cursor);
      assert.ok(rule !== undefined);
      encodeRule(writer, request(RTM_NEWRULE), rule);
    },
  },
];

const keys =
  (parts: readonly number[]) =>
  (cursor: MessageCursor): unknown =>
    decodeNftElements(cursor)
      .map(({ key }) => decodeNftKey(key, parts, text))
      .sort();

const NFT_CASES: readonly Case[] = [
  {
    name: 'nft-rule',
    meaning: { table: 'poplin', comment: 'poplin a1 1/1' },
    decode: decodeNftRule,
  },
  { name: 'nft-rule', meaning: 'poplin', decode: decodeNftEventTable },
  {
    name: 'nft-set',
    meaning: { table: 'poplin', name: 'pods', flags: 0, keyType: 7, dataType: 0, count: 2 },
    decode: decodeNftSet,
  },
  {
    name: 'nft-set-joined',
    meaning: {
      table: 'poplin',
      name: 'sources',
      flags: 0,
      keyType: (41 << 6) | 7,
      dataType: 0,
      count: 1,
    },
    decode: decodeNftSet,
  },
  {
    name: 'nft-elements',
    meaning: ['10.244.1.5', '10.244.1.6'],
    decode: keys(nftKeyParts(7) ?? []),
  },
  {
    name: 'nft-elements-joined',
    meaning: ['poplin0 . 10.244.1.5'],
    decode: keys(nftKeyParts((41 << 6) | 7) ?? []),
  },
];

describe('messages of a real kernel', () => {
  for (const { name, meaning, decode, encode } of [
    ...LINK_CASES,
    ...ADDRESS_CASES,
    ...ROUTE_CASES,
    ...REACH_CASES,
    ...NFT_CASES,
  ]) {
    test(`${name} means what ip and nft showed (${decode.name})`, () => {
      assert.deepEqual(decode(cursorOn(captured(name))), meaning);
    });
    if (encode === undefined) continue;
    test(`${name} is the same after encoding and decoding`, () => {
      const writer = new MessageWriter(16);
      encode(writer, cursorOn(captured(name)));
      assert.deepEqual(decode(cursorOn(Buffer.from(writer.bytes()))), meaning);
    });
  }

  test('the IPv4 settings of a link are at the places of linux/ip.h', () => {
    const { ipv4Settings } = decodeLink(cursorOn(captured('link-veth')));
    assert.equal(ipv4Settings.length, 33);
    // From accept_redirects to shared_media, and accept_source_route, they are 1 by default.
    assert.deepEqual(ipv4Settings.slice(0, 9), [0, 0, 0, 1, 1, 1, 1, 0, 1]);
  });
});
