// The store on a file system that may break at any moment: whatever happens, no address is given
// twice and no attachment harms another.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RestLog } from '../../../src/cni/rest-log.ts';
import { AttachmentStore } from '../../../src/cni/store.ts';
import type { Attachment } from '../../../src/endpoint/attachment.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { AppError, describeError } from '../../../src/lib/errors.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import { parseCidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { attachmentOf, identityOf } from '../../fake/attachment.ts';
import { FakeClock } from '../../fake/clock.ts';
import { Crash, FakeFiles } from '../../fake/store-files.ts';

const DIRECTORY = '/state/attachments';
const SUBNETS: readonly Cidr[] = ['10.1.0.0/29', 'fd00:1::/125'].flatMap(
  (text) => parseCidr(text) ?? [],
);

const open = (files: FakeFiles): AttachmentStore =>
  new AttachmentStore({ directory: DIRECTORY, files, clock: systemClock, log: silentLog });

function reserve(store: AttachmentStore, id: string): Attachment {
  const attachment = store.reserve(SUBNETS, (addresses) => attachmentOf(id, addresses));
  assert.ok(attachment !== undefined, `no address for ${id}`);
  return attachment;
}

function add(store: AttachmentStore, id: string): Attachment {
  const attachment = reserve(store, id);
  store.complete(attachment);
  return attachment;
}

function remove(store: AttachmentStore, id: string): void {
  const stored = store.find(identityOf(id));
  assert.ok(stored !== undefined, id);
  store.leave(stored.name.hostLink);
  store.release(stored.name.hostLink);
}

const attachmentFiles = (files: FakeFiles): string[] =>
  files.list(DIRECTORY).filter((name) => name !== 'released');

describe('the attachment store', () => {
  test('has the same attachments after a restart', () => {
    const files = new FakeFiles();
    const before = open(files);
    const added = [add(before, 'a'), add(before, 'b')];
    assert.deepEqual(open(files).attachments(), added);
  });

  test('names the addresses in the file name and is readable by a person', () => {
    const files = new FakeFiles();
    const { hostLink } = add(open(files), 'a');
    const name = `${hostLink}_10.1.0.2_fd00:1::2.json`;
    assert.deepEqual(attachmentFiles(files), [name]);
    assert.match(
      files.read(`${DIRECTORY}/${name}`).toString(),
      /^{\n {2}"version": 2,\n {2}"network": "poplin",\n/,
    );
  });

  for (const [name, content] of [
    ['empty', ''],
    ['cut off', '{"network": "pop'],
    ['zeroes', '\0'.repeat(300)],
    ['of another attachment', JSON.stringify(attachmentOf('x', []))],
  ] as const) {
    test(`keeps the addresses of a file that is ${name}, and all other attachments`, () => {
      const files = new FakeFiles();
      const before = open(files);
      const lost = add(before, 'a');
      const kept = add(before, 'b');
      const [path] = [...files.contents.keys()].filter((key) => key.includes(lost.hostLink));
      files.contents.set(path ?? '', content);
      const after = open(files);
      assert.deepEqual(after.attachments(), [kept]);
      assert.deepEqual(add(after, 'c').addresses, ['10.1.0.4', 'fd00:1::4']);
      remove(after, 'a');
      assert.equal(attachmentFiles(files).length, 2, 'it can still be released');
    });
  }

  test('reuses the address that rested longest, after a restart too', () => {
    const files = new FakeFiles();
    const store = open(files);
    for (const id of ['a', 'b', 'c', 'd', 'e']) add(store, id);
    for (const id of ['c', 'a', 'e']) remove(store, id);
    assert.deepEqual(add(open(files), 'f').addresses, ['10.1.0.4', 'fd00:1::4']);
    const after = open(files);
    remove(after, 'f');
    assert.deepEqual(add(after, 'g').addresses, ['10.1.0.2', 'fd00:1::2']);
    assert.deepEqual(add(open(files), 'h').addresses, ['10.1.0.6', 'fd00:1::6']);
  });

  test('knows over restarts how long each has rested, however somebody sets the clock', async () => {
    const files = new FakeFiles();
    const clock = new FakeClock();
    const start = () => new AttachmentStore({ directory: DIRECTORY, files, clock, log: silentLog });
    const cooling = (store: AttachmentStore): number | undefined =>
      store.usage(SUBNETS)[0]?.cooling;
    const store = start();
    for (const id of ['a', 'b', 'c']) add(store, id);
    remove(store, 'a');
    await clock.advance(40_000);
    remove(store, 'b');
    assert.deepEqual([cooling(store), cooling(start())], [2, 2]);
    await clock.advance(30_000);
    assert.deepEqual([cooling(store), cooling(start())], [1, 1]);
    clock.setWallClock(-3_600_000);
    // As the file has it, `b` is released in an hour: it has not rested at all then.
    assert.deepEqual([cooling(store), cooling(start())], [1, 2]);
    const after = start();
    remove(after, 'c');
    await clock.advance(59_000);
    // What was released before `c` has rested at least as long.
    assert.equal(cooling(start()), 3);
    await clock.advance(2_000);
    assert.equal(cooling(start()), 0);
  });

  test('writes of each address when it was released, also when the list is made anew', async () => {
    const files = new FakeFiles();
    const clock = new FakeClock();
    const log = new RestLog({ files, clock }, 'released');
    const [early = assert.fail(), late = assert.fail()] = ['10.1.0.2', '10.1.0.3'] as Ip[];
    log.release([early]);
    await clock.advance(10_000);
    for (let round = 0; round < 300; round += 1) log.release([late]);
    const lines = files.read('released').toString().split('\n');
    assert.ok(lines.length < 300, `${lines.length} lines: it was made anew`);
    assert.equal(lines[1], '2026-01-01T00:00:00.000Z 10.1.0.2');
    const again = new RestLog({ files, clock }, 'released');
    assert.equal(again.load(lines.join('\n')), undefined);
    assert.deepEqual(again.rested, log.rested);
  });

  test('says so when no address is left, and gives again what is released', () => {
    const store = open(new FakeFiles());
    for (const id of ['a', 'b', 'c', 'd', 'e']) add(store, id);
    const make = (): Attachment => assert.fail('there is no address');
    assert.equal(store.reserve(SUBNETS, make), undefined);
    remove(store, 'b');
    assert.deepEqual(add(store, 'f').addresses, ['10.1.0.3', 'fd00:1::3']);
  });

  test('keeps the addresses of an attachment that is leaving', () => {
    const store = open(new FakeFiles());
    const { hostLink } = add(store, 'a');
    store.leave(hostLink);
    assert.deepEqual(store.attachments(), []);
    assert.deepEqual(reserve(store, 'b').addresses, ['10.1.0.3', 'fd00:1::3']);
  });

  for (const refusal of ['ENOSPC', 'EROFS'] as const) {
    test(`reserves nothing on a disk that refuses with ${refusal}, and names it`, () => {
      const files = new FakeFiles();
      const store = open(files);
      add(store, 'a');
      files.refusal = refusal;
      assert.throws(
        () => reserve(store, 'b'),
        (error) => error instanceof AppError && describeError(error).includes(refusal),
      );
      assert.throws(() => store.probe(), AppError);
      files.refusal = undefined;
      assert.equal(store.find(identityOf('b')), undefined);
      assert.equal(attachmentFiles(files).length, 1);
      assert.deepEqual(add(store, 'b').addresses, ['10.1.0.3', 'fd00:1::3']);
    });
  }

  test('releases on a full disk, and not on one that is read-only', () => {
    const files = new FakeFiles();
    const store = open(files);
    add(store, 'a');
    add(store, 'b');
    files.refusal = 'ENOSPC';
    remove(store, 'a');
    files.refusal = 'EROFS';
    assert.throws(() => remove(store, 'b'), AppError);
    assert.ok(store.find(identityOf('b')) !== undefined);
  });

  test('loses no ADD with the directory of spare files', () => {
    const files = new FakeFiles();
    const store = open(files);
    for (const id of ['a', 'b']) add(store, id);
    for (const id of ['a', 'b']) remove(store, id);
    assert.equal(files.list(`${DIRECTORY}.spare`).length, 2);
    files.removeDirectory(`${DIRECTORY}.spare`);
    for (const id of ['c', 'd', 'e']) add(store, id);
    remove(store, 'c');
    assert.deepEqual(open(files).attachments(), store.attachments());
    assert.equal(attachmentFiles(files).length, 2);
  });

  test('starts on a read-only disk with the leftover of a write', () => {
    const files = new FakeFiles();
    const kept = add(open(files), 'a');
    files.contents.set(`${DIRECTORY}/.x.json.tmp`, '{');
    files.refusal = 'EROFS';
    assert.deepEqual(open(files).attachments(), [kept]);
  });

  test('keeps the list of released addresses short', () => {
    const files = new FakeFiles();
    const store = open(files);
    for (let round = 0; round < 1000; round += 1) {
      add(store, `c${round}`);
      remove(store, `c${round}`);
    }
    const lines = files.read(`${DIRECTORY}/released`).toString().split('\n').length;
    assert.ok(lines < 300, `${lines} lines`);
    assert.deepEqual(add(open(files), 'x').addresses, add(store, 'x').addresses);
  });
});

test('ended before any step, the store loses and gives twice nothing', () => {
  const total = lifeUntil(Number.POSITIVE_INFINITY).files.steps;
  assert.ok(total > 20, `${total} steps`);
  for (let step = 0; step < total; step += 1) {
    const { files, held } = lifeUntil(step);
    files.crashAt = Number.POSITIVE_INFINITY;
    const after = open(files);
    for (const attachment of held) {
      assert.deepEqual(
        after.find(identityOf(attachment.containerId))?.attachment,
        attachment,
        `step ${step}: ${attachment.containerId} is lost`,
      );
    }
    for (const { name, attachment } of after.entries()) {
      assert.ok(attachment !== undefined, `step ${step}: ${name.hostLink} is half written`);
    }
    const taken = new Set(after.entries().flatMap(({ name }) => name.addresses));
    const next = reserve(after, 'next');
    assert.ok(!next.addresses.some((ip) => taken.has(ip)), `step ${step}: ${next.addresses}`);
    assert.ok(!files.list(DIRECTORY).some((name) => name.endsWith('.tmp')), `step ${step}`);
  }
});

/** Some ADDs and DELs until the program ends; `held`: added, and their DEL not begun. */
function lifeUntil(crashAt: number): { files: FakeFiles; held: Attachment[] } {
  const files = new FakeFiles();
  files.crashAt = crashAt;
  let held: Attachment[] = [];
  try {
    const store = open(files);
    for (const id of ['a', 'b', '-a', 'c', 'd', '-c', '-b', 'e', 'f']) {
      if (id.startsWith('-')) {
        held = held.filter(({ containerId }) => containerId !== id.slice(1));
        remove(store, id.slice(1));
      } else {
        held.push(add(store, id));
      }
    }
  } catch (error) {
    const cause = error instanceof AppError ? error.cause : error;
    if (!(cause instanceof Crash)) throw error;
  }
  return { files, held };
}
