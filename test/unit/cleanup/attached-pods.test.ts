// Which pods would lose their network: by their files, their links, and DELs that wait.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { attachedPods } from '../../../src/cleanup/attached-pods.ts';
import { podsInTheWay } from '../../../src/cleanup/obstacles.ts';
import { renderAttachment, renderFileName } from '../../../src/cni/attachment-file.ts';
import { tombstoneNameOf } from '../../../src/cni/tombstones.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { attachmentOf } from '../../fake/attachment.ts';

let stateDir = '';
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'poplin-pods-'));
  for (const name of ['attachments', 'tombstones']) mkdirSync(join(stateDir, name));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

function attach(containerId: string, address: string, text?: string): string {
  const attachment = attachmentOf(containerId, [address as Ip]);
  const name = renderFileName({ ...attachment, isPending: false });
  writeFileSync(join(stateDir, 'attachments', name), text ?? renderAttachment(attachment));
  return attachment.hostLink;
}

const found = (...links: readonly string[]): string[] =>
  attachedPods(stateDir, links).map(({ what }) => what);

test('a pod whose link is there is attached, one whose link has gone with it is not', () => {
  const link = attach('web', '10.244.1.5');
  attach('gone', '10.244.1.6');
  assert.deepEqual(found('lo', 'eth0', 'poplin4-1', link), [`default/web (10.244.1.5) by ${link}`]);
});

test('one that only waits for its DEL is not', () => {
  const link = attach('web', '10.244.1.5');
  const name = tombstoneNameOf(attachmentOf('web', []));
  writeFileSync(join(stateDir, 'tombstones', name), '');
  assert.deepEqual(found(link), []);
});

test('a link without a file is, and so is a file that cannot be read', () => {
  const link = attach('web', '10.244.1.5', 'not JSON');
  assert.deepEqual(found(link, 'poplin0123456ab'), [
    `a pod (10.244.1.5) by ${link}`,
    'a pod by poplin0123456ab',
  ]);
});

test('without a state directory only links tell', () => {
  rmSync(join(stateDir, 'attachments'), { recursive: true });
  assert.deepEqual(found('poplin0123456ab'), ['a pod by poplin0123456ab']);
});

test('of many some are named', () => {
  const pods = Array.from({ length: 7 }, (_, index) => ({ what: `p${index}`, addresses: [] }));
  assert.match(podsInTheWay(pods).join(), /^7 pods are attached: p0; p1; p2; p3; p4 and 2 more\. /);
  assert.deepEqual(podsInTheWay([]), []);
});
