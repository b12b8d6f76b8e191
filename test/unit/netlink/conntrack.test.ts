// Connections as a real kernel (6.18) tells of them, and the bytes by which it is asked for some of
// them and told to forget one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Ip } from '../../../src/net/ip.ts';
import { AddressText } from '../../../src/netlink/address-text.ts';
import type { Connection, ConntrackFilter } from '../../../src/netlink/conntrack.ts';
import {
  addressBytes,
  decodeConnection,
  encodeConntrackDelete,
  encodeConntrackDump,
} from '../../../src/netlink/conntrack.ts';
import { AF_INET, AF_INET6, DUMP } from '../../../src/netlink/constants.ts';
import { MessageCursor } from '../../../src/netlink/cursor.ts';
import { DecodeError } from '../../../src/netlink/decode-error.ts';
import { MessageWriter } from '../../../src/netlink/message.ts';
import { captured } from '../../fuzz/corpus.ts';

const UDP = 17;
const ICMP = 1;
const bytesOf = (text: string): string => addressBytes(text as Ip);

function cursorOn(bytes: Buffer): MessageCursor {
  const cursor = new MessageCursor(bytes, new AddressText());
  cursor.load(0, bytes.length);
  assert.ok(cursor.next(), 'there is a message');
  return cursor;
}

function decode(name: string): Connection {
  const connection = decodeConnection(cursorOn(captured(name)), () => true);
  return connection ?? assert.fail(`${name} is not wanted`);
}

/** From one end to the other and back. */
function between(one: readonly [string, number], other: readonly [string, number], protocol = UDP) {
  const [source, destination] = [bytesOf(one[0]), bytesOf(other[0])];
  return { source, destination, protocol, sourcePort: one[1], destinationPort: other[1] };
}

describe('a connection is what the kernel tells of it', () => {
  const LOCAL = '127.0.0.1';
  for (const [name, family, original, reply] of [
    [
      'conntrack-zone',
      AF_INET,
      between([LOCAL, 0xce7e], [LOCAL, 7777]),
      between([LOCAL, 7777], [LOCAL, 0xce7e]),
    ],
    [
      'conntrack-dnat',
      AF_INET,
      between([LOCAL, 0xedad], ['127.0.0.2', 9999]),
      between(['127.0.0.3', 53], [LOCAL, 0xedad]),
    ],
    [
      'conntrack-udp6',
      AF_INET6,
      between(['::1', 0x8899], ['::1', 5353]),
      between(['::1', 5353], ['::1', 0x8899]),
    ],
    [
      'conntrack-icmp',
      AF_INET,
      between([LOCAL, 0], [LOCAL, 0], ICMP),
      between([LOCAL, 0], [LOCAL, 0], ICMP),
    ],
  ] as const) {
    test(name, () => {
      const connection = decode(name);
      assert.equal(connection.family, family);
      assert.deepEqual(connection.original, original);
      assert.deepEqual(connection.reply, reply);
    });
  }

  test('and nothing of one that nobody wants', () => {
    const asked: unknown[] = [];
    const cursor = cursorOn(captured('conntrack-dnat'));
    const found = decodeConnection(cursor, (original, reply) => {
      asked.push(original.destinationPort, reply.destinationPort);
      return false;
    });
    assert.deepEqual([found, asked], [undefined, [9999, 0xedad]]);
  });

  test('which is kept when the buffer is used again', () => {
    const bytes = captured('conntrack-zone');
    const connection = decodeConnection(cursorOn(bytes), () => true);
    bytes.fill(0xff);
    assert.deepEqual(connection, decode('conntrack-zone'));
  });

  test('and a DecodeError where a port or a protocol has another length', () => {
    // `06 00 02 00`: a port of two bytes. `05 00 01 00`: a protocol of one.
    for (const [good, bad] of [
      ['060002001111', '050002001111'],
      ['0500010011000000', '0600010011000000'],
    ] as const) {
      const hex = captured('conntrack-udp').toString('hex');
      const port = good.startsWith('06') ? hex.replace(/06000200..../, good) : hex;
      assert.ok(port.includes(good));
      const bytes = Buffer.from(port.replace(good, bad), 'hex');
      assert.throws(() => decodeConnection(cursorOn(bytes), () => true), DecodeError);
    }
  });
});

/** The body of what was written, without the header of 16 bytes. */
function written(write: (writer: MessageWriter) => void): { header: string; body: string } {
  const writer = new MessageWriter(256);
  write(writer);
  const bytes = writer.bytes();
  return {
    header: bytes.subarray(4, 8).toString('hex'),
    body: bytes.subarray(16).toString('hex'),
  };
}

describe('the kernel is asked to forget', () => {
  test('one by its original tuple, number and zone, as it told them', () => {
    const { header, body } = written((writer) =>
      encodeConntrackDelete(writer, decode('conntrack-zone')),
    );
    // IPCTNL_MSG_CT_DELETE of NFNL_SUBSYS_CTNETLINK; NLM_F_REQUEST | NLM_F_ACK.
    assert.equal(header, '02010500');
    const told = captured('conntrack-zone').toString('hex');
    const tuple = told.slice(40, 40 + 2 * 0x34);
    assert.match(tuple, /^34000180/);
    const id = /08000c00.{8}/.exec(told)?.[0];
    assert.equal(body, `02000000${tuple}0600120000050000${id}`);
  });

  test('one without a zone by the others', () => {
    const { body } = written((writer) => encodeConntrackDelete(writer, decode('conntrack-udp6')));
    assert.match(body, /^0a0000004c000180.{144}08000c00.{8}$/);
  });
});

describe('the kernel is asked for', () => {
  const asked = (family: number, filter?: ConntrackFilter) =>
    written((writer) => encodeConntrackDump(writer, DUMP, { family, filter }));

  test('all of a family', () =>
    assert.deepEqual(asked(AF_INET6), { header: '01010103', body: '0a000000' }));

  // CTA_FILTER is 25: which parts of the original tuple count, and which of the reply.
  test('those to a port of a protocol', () =>
    assert.equal(
      asked(AF_INET, { by: 'protocol', protocol: UDP, destinationPort: 53 }).body,
      `02000000${'18000180'}${'14000280'}0500010011000000060003000035${'0000'}` +
        `${'14001980'}0800010028000000${'0800020000000000'}`,
    ));

  test('those of a protocol', () =>
    assert.equal(
      asked(AF_INET, { by: 'protocol', protocol: UDP }).body,
      '02000000100001800c000280050001001100000014001980080001000800000008000200' + '00000000',
    ));

  test('those that somebody answers', () =>
    assert.equal(
      asked(AF_INET, { by: 'answerer', ipv4: '10.244.1.2' as Ip }).body,
      '02000000100002800c000180080001000af401021400198008000100000000000800020001000000',
    ));
});
