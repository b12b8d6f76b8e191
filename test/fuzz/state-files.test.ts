// Files of the CNI state with bytes changed, cut out and repeated, or of any bytes at all: whatever
// stands there after a power loss or somebody's editor, the agent starts with all that is whole.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  parseAttachment,
  parseFileName,
  renderAttachment,
  renderFileName,
} from '../../src/cni/attachment-file.ts';
import { encodeRequest } from '../../src/cni/frame.ts';
import { RestLog } from '../../src/cni/rest-log.ts';
import { AttachmentStore } from '../../src/cni/store.ts';
import type { Attachment } from '../../src/endpoint/attachment.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Ip } from '../../src/net/ip.ts';
import { parseIp } from '../../src/net/ip.ts';
import { attachmentOf } from '../fake/attachment.ts';
import { FakeClock } from '../fake/clock.ts';
import { FakeCniNode } from '../fake/cni-node.ts';
import { FakeFiles } from '../fake/store-files.ts';

const DIRECTORY = '/state/attachments';
const ADDRESSES = ['10.1.0.2', 'fd00:1::2'] as Ip[];

const ATTACHMENT: Attachment = {
  ...attachmentOf('a', ADDRESSES),
  bandwidth: { ingress: { bitsPerSecond: 1e6, burstBits: 0 } },
  portMappings: [{ protocol: 'tcp', hostPort: 8080, containerPort: 80, hostIp: '::' as Ip }],
  pod: { namespace: 'shop', name: 'web' },
};
const NAME = { hostLink: ATTACHMENT.hostLink, addresses: ADDRESSES, isPending: false };

const change = fc.record({
  at: fc.nat(2_000),
  kind: fc.constantFrom('set', 'cut', 'repeat'),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0x00, 0x0a, 0x20, 0x22, 0x2c, 0x30, 0x5f, 0x7b)),
  length: fc.integer({ min: 1, max: 60 }),
});
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;
const changes = fc.array(change, { minLength: 1, maxLength: 4 });

function broken(text: string, all: readonly Change[]): string {
  let bytes = Buffer.from(text);
  for (const { at, kind, byte, length } of all) {
    const start = at % (bytes.length + 1);
    const [before, after] = [bytes.subarray(0, start), bytes.subarray(start)];
    if (kind === 'set') bytes = Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
    if (kind === 'cut') bytes = Buffer.concat([before, after.subarray(length)]);
    if (kind === 'repeat') bytes = Buffer.concat([before, after.subarray(0, length), after]);
  }
  return bytes.toString('utf8');
}

/** A text that was one of these once, or anything. */
const textLike = (...rights: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(fc.constantFrom(...rights), changes).map(([t, c]) => broken(t, c)),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
    { weight: 1, arbitrary: fc.json() },
  );

describe('broken state files', () => {
  test('an attachment is read as one that its name says, or not at all', () => {
    fc.assert(
      fc.property(textLike(renderAttachment(ATTACHMENT)), (text) => {
        const parsed = parseAttachment(text, NAME);
        if (parsed.kind === 'unreadable') {
          assert.notEqual(parsed.problem, '');
          return;
        }
        const { attachment } = parsed;
        assert.equal(attachment.hostLink, NAME.hostLink);
        assert.deepEqual(attachment.addresses, ADDRESSES);
        assert.deepEqual(parseAttachment(renderAttachment(attachment), NAME), parsed);
      }),
      { numRuns: 3_000 },
    );
  });

  test('a file name is read as what it says, or not at all', () => {
    const names = [renderFileName(NAME), renderFileName({ ...NAME, isPending: true })];
    fc.assert(
      fc.property(textLike(...names), (text) => {
        const parsed = parseFileName(text);
        if (parsed === undefined) return;
        assert.ok(parsed.addresses.length > 0);
        for (const address of parsed.addresses) assert.equal(parseIp(address), address);
        assert.deepEqual(parseFileName(renderFileName(parsed)), parsed);
      }),
      { numRuns: 3_000 },
    );
  });

  test('of the list of releases all lines that are whole are known', () => {
    const lines = ['2026-01-01T00:00:00.000Z 10.1.0.3', '2025-12-31T23:59:00.000Z fd00:1::3'];
    const text = `version 2\n${lines.join('\n')}\n`;
    fc.assert(
      fc.property(textLike(text, 'version 3\n'), textLike(text), (start, more) => {
        const files = new FakeFiles();
        files.contents.set('released', start);
        const log = new RestLog({ files, clock: new FakeClock() }, 'released');
        log.load(start);
        for (const [family, rested] of Object.entries(log.rested)) {
          for (const [address, ms] of rested) {
            assert.equal(parseIp(address), address);
            assert.equal(address.includes(':'), family === 'ipv6');
            assert.ok(ms <= 0, `${address} is released in ${ms} ms`);
          }
        }
        log.release(['10.1.0.9' as Ip]);
        const again = new RestLog({ files, clock: new FakeClock() }, 'released');
        again.load(`${files.contents.get('released')}${more}`);
        assert.ok(again.rested.ipv4.has('10.1.0.9' as Ip), 'what is written is found');
      }),
      { numRuns: 2_000 },
    );
  });

  test('a store starts with them, and none takes another from it or gives its address away', () => {
    const whole = attachmentOf('whole', ['10.1.0.3', 'fd00:1::3'] as Ip[]);
    const wholeName = renderFileName({ ...whole, isPending: false });
    const name = textLike(renderFileName(NAME), wholeName).filter((text) => text !== wholeName);
    fc.assert(
      fc.property(name, textLike(renderAttachment(ATTACHMENT)), (fileName, text) => {
        const parsed = parseFileName(fileName);
        // Of two files of one attachment either may count.
        fc.pre(parsed?.hostLink !== whole.hostLink);
        const files = new FakeFiles();
        files.contents.set(`${DIRECTORY}/${wholeName}`, renderAttachment(whole));
        files.contents.set(`${DIRECTORY}/${fileName}`, text);
        const clock = new FakeClock();
        const store = new AttachmentStore({ directory: DIRECTORY, files, clock, log: silentLog });
        assert.deepEqual(store.findByLink(whole.hostLink)?.attachment, whole);
        for (const address of parsed?.addresses ?? []) assert.ok(store.isTaken(address), address);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a tombstone is carried out, removed, or left, and never more than that', async () => {
    const environment = new Map([
      ['CNI_COMMAND', 'DEL'],
      ['CNI_CONTAINERID', 'c1'],
      ['CNI_IFNAME', 'eth0'],
      ['CNI_PATH', '/opt/cni/bin'],
    ]);
    const stdin = Buffer.from('{"cniVersion":"1.0.0","name":"poplin"}');
    const frame = encodeRequest({ environment, stdin, hasNetns: false, isRepeated: false });
    await fc.assert(
      fc.asyncProperty(textLike(frame.toString('latin1')), async (text) => {
        const node = new FakeCniNode();
        await node.call('ADD', { env: { CNI_CONTAINERID: 'other' } });
        node.files.contents.set('/state/tombstones/c1@eth0', text);
        await node.service.replayTombstones();
        assert.equal(node.service.attachments().length, 1);
      }),
      { numRuns: 500 },
    );
  });
});
