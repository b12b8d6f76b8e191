// Requests byte for byte. The VXLAN request was taken from `strace ip link add …`; the others were
// put together by hand from the kernel's headers. The bytes of sequence number and port id are left
// out of the comparison (`seq`), since each message has another.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Ip } from '../../../src/net/ip.ts';
import type { Mac } from '../../../src/net/mac.ts';
import { encodeAddress, IFA_F_NODAD, RTM_NEWADDR } from '../../../src/netlink/address.ts';
import { ADD, CHANGE, DUMP, REMOVE, REPLACE } from '../../../src/netlink/constants.ts';
import { encodeFdbEntry } from '../../../src/netlink/fdb.ts';
import {
  encodeLink,
  encodeLinkQuery,
  RTM_NEWLINK,
  RTM_SETLINK,
} from '../../../src/netlink/link.ts';
import { MessageWriter } from '../../../src/netlink/message.ts';
import { encodeNeighbour, RTM_DELNEIGH, RTM_NEWNEIGH } from '../../../src/netlink/neighbour.ts';
import { encodeNexthop, encodeNexthopId, RTM_DELNEXTHOP } from '../../../src/netlink/nexthop.ts';

const ip = (text: string): Ip => text as Ip;
const mac = (text: string): Mac => text as Mac;

type Case = {
  readonly sentence: string;
  write(writer: MessageWriter): void;
  /** Hex digits, one attribute or header a word group. */
  readonly bytes: string;
};

const LINK_CASES: readonly Case[] = [
  {
    sentence: 'a VXLAN device as iproute2 makes it, but for the order and the NUL of the kind',
    write: (writer) =>
      encodeLink(
        writer,
        { type: RTM_NEWLINK, flags: ADD },
        {
          name: 'poplin4-1',
          mac: mac('02:00:00:00:00:11'),
          mtuBytes: 1400,
          kind: 'vxlan',
          vxlan: {
            vni: 1,
            underlayIndex: 3,
            local: ip('192.168.7.1'),
            learning: false,
            portNumber: 8472,
          },
        },
      ),
    bytes: `80000000 1000 0506 seq 00000000 00000000 00000000 00000000
      0e000300 706f706c696e342d31000000 0a000100 0200000000110000 08000400 78050000
      3c001280 0a000100 76786c616e000000 2c000280
      08000100 01000000 08000300 03000000 08000400 c0a80701 05000700 00000000 06000f00 21180000`,
  },
  {
    sentence: 'a VXLAN device over IPv6 never has zero checksums',
    write: (writer) =>
      encodeLink(
        writer,
        { type: RTM_NEWLINK, flags: ADD },
        { kind: 'vxlan', vxlan: { local: ip('fd07::1'), udpChecksum: false, gbp: true } },
      ),
    bytes: `64000000 1000 0506 seq 00000000 00000000 00000000 00000000
      44001280 0a000100 76786c616e000000 34000280
      14001100 fd070000000000000000000000000001
      05001300 00000000 05001400 00000000 05001200 00000000 04001700`,
  },
  {
    sentence: 'a veth pair with its other end in another namespace',
    write: (writer) =>
      encodeLink(
        writer,
        { type: RTM_NEWLINK, flags: ADD },
        {
          name: 'a',
          up: true,
          group: 113,
          kind: 'veth',
          peer: { name: 'b', mac: mac('02:00:00:00:00:22'), mtuBytes: 1500, netnsFd: 9 },
        },
      ),
    bytes: `7c000000 1000 0506 seq 00000000 00000000 01000000 01000000
      06000300 61000000 08001b00 71000000
      4c001280 09000100 7665746800000000 3c000280 38000180
      00000000 00000000 00000000 00000000
      06000300 62000000 0a000100 0200000000220000 08000400 dc050000 08001c00 09000000`,
  },
  {
    sentence: 'a link with one queue in each direction',
    write: (writer) =>
      encodeLink(writer, { type: RTM_NEWLINK, flags: ADD }, { name: 'a', queueCount: 1 }),
    bytes: `38000000 1000 0506 seq 00000000 00000000 00000000 00000000
      06000300 61000000 08001f00 01000000 08002000 01000000`,
  },
  {
    sentence: 'an alias that is taken away has no bytes',
    write: (writer) =>
      encodeLink(writer, { type: RTM_SETLINK, flags: CHANGE }, { index: 4, alias: '' }),
    bytes: '24000000 1300 0500 seq 00000000 04000000 00000000 00000000 04001400',
  },
  {
    sentence: 'rp_filter of one link (IPV4_DEVCONF_RP_FILTER is 8)',
    write: (writer) =>
      encodeLink(
        writer,
        { type: RTM_SETLINK, flags: CHANGE },
        { index: 4, ipv4Changes: [{ id: 8, value: 2 }] },
      ),
    bytes: `34000000 1300 0500 seq 00000000 04000000 00000000 00000000
      14001a80 10000280 0c000180 08000800 02000000`,
  },
  {
    sentence: 'the question for all links leaves the counters out',
    write: (writer) => encodeLinkQuery(writer, DUMP, {}),
    bytes: '28000000 1200 0103 seq 00000000 00000000 00000000 00000000 08001d00 08000000',
  },
];

const REACH_CASES: readonly Case[] = [
  {
    sentence: 'an IPv6 address without duplicate detection, with a protocol',
    write: (writer) =>
      encodeAddress(
        writer,
        { type: RTM_NEWADDR, flags: ADD },
        {
          linkIndex: 4,
          address: ip('fd00:1::'),
          lengthBits: 128,
          scope: 0,
          flags: IFA_F_NODAD,
          protocol: 113,
        },
      ),
    bytes: `50000000 1400 0506 seq 0a800200 04000000
      14000200 fd000001000000000000000000000000
      14000100 fd000001000000000000000000000000
      08000800 02000000 05000b00 71000000`,
  },
  {
    sentence: 'a permanent neighbour is replaced',
    write: (writer) =>
      encodeNeighbour(
        writer,
        { type: RTM_NEWNEIGH, flags: REPLACE },
        {
          linkIndex: 4,
          address: ip('10.244.3.0'),
          mac: mac('02:0a:bc:ef:00:33'),
          state: 0x80,
        },
      ),
    bytes: `30000000 1c00 0505 seq 02000000 04000000 80000000
      08000100 0af40300 0a000200 020abcef00330000`,
  },
  {
    sentence: 'an FDB entry is removed whatever its remote is',
    write: (writer) =>
      encodeFdbEntry(
        writer,
        { type: RTM_DELNEIGH, flags: REMOVE },
        { linkIndex: 4, mac: mac('02:00:00:00:00:33'), remote: undefined, permanent: true },
      ),
    bytes: '28000000 1d00 0500 seq 07000000 04000000 80000200 0a000200 0200000000330000',
  },
  {
    sentence: 'an onlink nexthop',
    write: (writer) =>
      encodeNexthop(writer, ADD, {
        id: 7,
        linkIndex: 4,
        gateway: ip('10.244.3.0'),
        onlink: true,
        protocol: 113,
      }),
    bytes: `30000000 6800 0506 seq 02007100 04000000
      08000100 07000000 08000500 04000000 08000600 0af40300`,
  },
  {
    sentence: 'a nexthop is removed by its number',
    write: (writer) => encodeNexthopId(writer, { type: RTM_DELNEXTHOP, flags: REMOVE }, 0x71000001),
    bytes: '20000000 6900 0500 seq 00000000 00000000 08000100 01000071',
  },
];

describe('requests', () => {
  for (const { sentence, write, bytes } of [...LINK_CASES, ...REACH_CASES]) {
    test(sentence, () => {
      const writer = new MessageWriter(8);
      write(writer);
      const hex = writer.bytes().toString('hex');
      const expected = bytes.replace(/\s/g, '').replace('seq', hex.slice(16, 32));
      assert.equal(hex, expected);
    });
  }
});
