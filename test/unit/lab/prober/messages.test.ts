// What the prober writes and reads byte by byte: packets, addresses, errors of the kernel.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeSocketAddress, encodeSocketAddress } from '../../../../src/kernel/socket-address.ts';
import {
  fullPacketBytes,
  udpPacketBytes,
  udpPayloadBytes,
} from '../../../../src/lab/prober/packet-size.ts';
import {
  decodeSocketError,
  describeErrno,
  describeSocketError,
} from '../../../../src/lab/prober/socket-error.ts';
import {
  decodeMessage,
  encodeAnswer,
  encodeQuestion,
} from '../../../../src/lab/prober/udp-message.ts';
import type { Ip } from '../../../../src/net/ip.ts';

const V4 = '10.244.3.7' as Ip;
const V6 = 'fd00:244:3::7' as Ip;

describe('packet sizes', () => {
  for (const [family, packetBytes, payloadBytes] of [
    ['ipv4', 92, 64],
    ['ipv6', 112, 64],
    ['ipv4', 1450, 1422],
    ['ipv6', 1450, 1402],
  ] as const) {
    test(`an ${family} packet of ${packetBytes} bytes carries ${payloadBytes}`, () => {
      assert.equal(udpPayloadBytes(family, packetBytes), payloadBytes);
      assert.equal(udpPacketBytes(family, payloadBytes), packetBytes);
    });
  }

  test('the full size is what both ends may send', () => {
    assert.equal(fullPacketBytes({ mtuBytes: 1500 }, { mtuBytes: 1450 }), 1450);
    assert.equal(fullPacketBytes({ mtuBytes: 1450 }, { mtuBytes: 1500 }), 1450);
  });
});

describe('socket addresses', () => {
  for (const [address, hex] of [
    [V4, '02001f900af403070000000000000000'],
    [V6, '0a001f9000000000fd00024400030000000000000000000700000000'],
  ] as const) {
    test(`${address} is the sockaddr that the kernel reads`, () => {
      const bytes = encodeSocketAddress({ address, port: 8080 });
      assert.equal(bytes.toString('hex'), hex);
      assert.deepEqual(decodeSocketAddress(bytes), { address, port: 8080 });
    });
  }

  for (const hex of ['', '02', '0000', '02001f90', '0a001f900af403070000000000000000']) {
    test(`"${hex}" is no address`, () => {
      assert.equal(decodeSocketAddress(Buffer.from(hex, 'hex')), undefined);
    });
  }
});

describe('messages', () => {
  test('a question has the wanted size and comes back with its token', () => {
    const bytes = encodeQuestion(0xfffffffe, 1422);
    assert.equal(bytes.length, 1422);
    assert.deepEqual(decodeMessage(bytes), {
      kind: 'question',
      token: 0xfffffffe,
      sizeBytes: 1422,
    });
  });

  for (const seenSource of [V4, V6]) {
    test(`an answer about ${seenSource} is short and comes back as it was`, () => {
      const answer = { token: 9, seenSource, seenBytes: 1422 };
      const bytes = encodeAnswer(answer);
      assert.ok(bytes.length <= 64);
      assert.deepEqual(decodeMessage(bytes), { kind: 'answer', ...answer });
    });
  }

  test("others' packets and cut ones are not messages", () => {
    const answer = encodeAnswer({ token: 9, seenSource: V4, seenBytes: 3 });
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.alloc(64),
      answer.subarray(0, answer.length - 1),
    ]) {
      assert.equal(decodeMessage(bytes), undefined);
    }
  });
});

describe('errors of the network', () => {
  /** One control message as recvmsg returns it. */
  function control(level: number, type: number, hex: string): Buffer {
    const data = Buffer.from(hex, 'hex');
    const bytes = Buffer.alloc(16 + data.length);
    bytes.writeBigUInt64LE(BigInt(bytes.length), 0);
    bytes.writeInt32LE(level, 8);
    bytes.writeInt32LE(type, 12);
    return Buffer.concat([bytes.subarray(0, 16), data]);
  }

  test('a router that says "fragmentation needed" is named with the MTU', () => {
    const hex = `5a000000${'02030400'}${'78050000'}00000000${'020000000a00000100000000'}00000000`;
    const error = decodeSocketError(control(0, 11, hex));
    assert.deepEqual(error, { errno: 90, reportedBy: '10.0.0.1', pathMtuBytes: 1400 });
    assert.equal(
      error && describeSocketError(error),
      'the packet is too big: path MTU is 1400 bytes (EMSGSIZE, said by 10.0.0.1)',
    );
  });

  test('an IPv6 receiver where nothing listens is named', () => {
    const offender = '0a00000000000000fd00024400030000000000000000000700000000';
    const error = decodeSocketError(
      control(41, 25, `6f000000${'03010400'}0000000000000000${offender}`),
    );
    assert.equal(
      error && describeSocketError(error),
      'nothing listens there (ECONNREFUSED, said by fd00:244:3::7)',
    );
  });

  test('a control message of another kind before it is passed over', () => {
    const other = control(1, 29, '0102030405060708');
    const error = control(0, 11, `6f000000${'00000000'}0000000000000000`);
    assert.deepEqual(decodeSocketError(Buffer.concat([other, error])), {
      errno: 111,
      reportedBy: undefined,
      pathMtuBytes: undefined,
    });
  });

  test('what is cut or lies about its length is no error message', () => {
    const whole = control(0, 11, `6f000000${'00000000'}0000000000000000`);
    const lying = Buffer.from(whole);
    lying.writeBigUInt64LE(4n, 0);
    for (const bytes of [Buffer.alloc(0), whole.subarray(0, 24), lying, control(0, 11, '6f')]) {
      assert.equal(decodeSocketError(bytes), undefined);
    }
  });

  test('an error without words of ours keeps its name', () => {
    assert.equal(describeErrno(5), 'EIO');
  });
});
