// Files that an agent of another version left: what the code of format 1 wrote is read, and what a
// format to come holds is neither understood nor destroyed. The texts of format 1 are here as that
// code wrote them, and are not to be changed.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ConfigKeeper } from '../../../src/agent/config-keeper.ts';
import { OriginalSysctls } from '../../../src/agent/original-sysctls.ts';
import { Pods } from '../../../src/agent/pods.ts';
import { snapshotFiles } from '../../../src/agent/snapshot-files.ts';
import { SnapshotKeeper } from '../../../src/agent/snapshot-keeper.ts';
import { AttachmentStore } from '../../../src/cni/store.ts';
import { systemFiles } from '../../../src/cni/store-files.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { attachmentOf } from '../../fake/attachment.ts';
import { recordSysctls } from '../../fake/record-sysctls.ts';

const ATTACHMENT_NAME = 'poplin4f0a4f8a5_10.244.1.5.json';
const ATTACHMENT = `{
  "network": "poplin",
  "containerId": "c1",
  "ifName": "eth0",
  "netns": "/run/netns/c1",
  "netnsInode": 4026532461,
  "hostLink": "poplin4f0a4f8a5",
  "hostMac": "02:11:22:33:44:55",
  "podMac": "02:11:22:33:44:66",
  "addresses": [
    "10.244.1.5"
  ],
  "linkMtuBytes": 1500,
  "routeMtuBytes": 1450,
  "pod": {
    "namespace": "default",
    "name": "web"
  },
  "createdAt": "2026-01-02T03:04:05.000Z"
}
`;
const RELEASED = `2026-01-02T03:04:05.000Z 10.244.1.2
2026-01-02T03:04:06.000Z 10.244.1.3
`;
const SYSCTLS = `{
  "ipv4/ip_forward": "0"
}
`;
const NET_CONF = '{\n  "Network": "10.244.0.0/16"\n}';

const SUBNETS = ['10.244.1.0/29' as Cidr];
const ORIGIN = 'ConfigMap poplin/poplin-config';
const OWNER = { node: 'node-1', machine: 'machine-1' };

describe('files of another format', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'poplin-formats-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const attachments = () => join(directory, 'attachments');
  const open = (): AttachmentStore =>
    new AttachmentStore({
      ...{ directory: attachments(), files: systemFiles, clock: systemClock, log: silentLog },
    });
  const put = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  const get = (name: string): string => readFileSync(join(directory, name), 'utf8');

  function withAttachment(text: string): AttachmentStore {
    systemFiles.makeDirectory(attachments());
    put(`attachments/${ATTACHMENT_NAME}`, text);
    return open();
  }

  test('an attachment of format 1 is known in full, and of the newest format when it changes', () => {
    const store = withAttachment(ATTACHMENT);
    const [attachment] = store.attachments();
    assert.ok(attachment !== undefined);
    assert.deepEqual(attachment, JSON.parse(ATTACHMENT));
    assert.equal(get(`attachments/${ATTACHMENT_NAME}`), ATTACHMENT);
    store.replace(attachment, { ...attachment, routeMtuBytes: 1400 });
    const text = get(`attachments/${ATTACHMENT_NAME}`);
    assert.deepEqual(JSON.parse(text), { version: 2, ...attachment, routeMtuBytes: 1400 });
    assert.equal(open().attachments()[0]?.routeMtuBytes, 1400);
  });

  test('an attachment of a format to come keeps address, link and file, until its DEL', () => {
    const text = '{"version": 3, "everything": "is different"}\n';
    const store = withAttachment(text);
    const pods = new Pods(store, () => undefined);
    assert.deepEqual(store.attachments(), []);
    assert.ok(pods.pendingLinks().has('poplin4f0a4f8a5'));
    assert.match(pods.unread.join(), /10\.244\.1\.5.*its format is 3, of a newer Poplin/);
    const taken = ['c2', 'c3', 'c4', 'c5'].flatMap((id) => {
      const made = store.reserve(SUBNETS, (addresses) => attachmentOf(id, addresses));
      return made?.addresses ?? [];
    });
    assert.deepEqual(taken, ['10.244.1.2', '10.244.1.3', '10.244.1.4', '10.244.1.6']);
    assert.equal(get(`attachments/${ATTACHMENT_NAME}`), text);
    store.release('poplin4f0a4f8a5');
    assert.deepEqual(pods.unread, []);
  });

  test('the order of releases of format 1 holds, and is kept in the newest', () => {
    systemFiles.makeDirectory(attachments());
    put('attachments/released', RELEASED);
    const store = open();
    assert.deepEqual(store.choose(SUBNETS).kind === 'chosen' && addressIn(store), '10.244.1.4');
    const made = store.reserve(SUBNETS, (addresses) => attachmentOf('c1', addresses));
    store.release(made?.hostLink ?? '');
    const lines = get('attachments/released').split('\n');
    assert.equal(lines[0], 'version 2');
    assert.deepEqual(
      lines.slice(1, 4).map((line) => line.split(' ')[1]),
      ['10.244.1.2', '10.244.1.3', '10.244.1.4'],
    );
    assert.equal(addressIn(open()), '10.244.1.5');
  });

  test('an order of releases of a format to come is set aside', () => {
    systemFiles.makeDirectory(attachments());
    put('attachments/released', 'version 3\nwho knows\n');
    const store = open();
    const made = store.reserve(SUBNETS, (addresses) => attachmentOf('c1', addresses));
    store.release(made?.hostLink ?? '');
    assert.equal(get('attachments/released.format-3'), 'version 3\nwho knows\n');
    assert.match(get('attachments/released'), /^version 2\n/);
  });

  const addressIn = (store: AttachmentStore): Ip | undefined => {
    const choice = store.choose(SUBNETS);
    return choice.kind === 'exhausted' ? undefined : choice.addresses[0];
  };

  test('sysctls of format 1 are still the originals', () => {
    put('original-sysctls.json', SYSCTLS);
    const originals = new OriginalSysctls(directory, 'this boot', silentLog);
    recordSysctls(originals, { 'ipv4/ip_forward': '1', 'ipv4/conf/eth0/rp_filter': '1' });
    const values = { 'ipv4/ip_forward': '0', 'ipv4/conf/eth0/rp_filter': '1' };
    const now = { version: 3, bootId: 'this boot', values };
    assert.deepEqual(JSON.parse(get('original-sysctls.json')), now);
  });

  test('sysctls of format 2 are those of the boot in which they are read', () => {
    put('original-sysctls.json', `{"version": 2, "values": ${SYSCTLS}}`);
    new OriginalSysctls(directory, 'this boot', silentLog);
    const values = JSON.parse(SYSCTLS) as unknown;
    const now = { version: 3, bootId: 'this boot', values };
    assert.deepEqual(JSON.parse(get('original-sysctls.json')), now);
  });

  test('sysctls of a format to come are set aside', () => {
    put('original-sysctls.json', '{"version": 4}');
    const originals = new OriginalSysctls(directory, 'this boot', silentLog);
    recordSysctls(originals, { 'ipv4/ip_forward': '0' });
    assert.equal(get('original-sysctls.json.format-4'), '{"version": 4}');
  });

  const configured = (): ConfigKeeper => {
    const keeper = new ConfigKeeper({
      ...{ stateDir: directory, nodeAddresses: () => [], log: silentLog },
    });
    keeper.offer({ text: '{"Network": 5}', origin: ORIGIN }, []);
    return keeper;
  };

  test('the last good configuration of format 1 is in force while a bad one stands', () => {
    put('last-good-net-conf.json', NET_CONF);
    const keeper = configured();
    assert.equal(keeper.config?.families[0]?.network, '10.244.0.0/16');
    keeper.offer({ text: NET_CONF, origin: ORIGIN }, []);
    const stored = JSON.parse(get('last-good-net-conf.json'));
    assert.deepEqual(stored, { version: 2, text: NET_CONF });
    assert.equal(configured().config?.families[0]?.network, '10.244.0.0/16');
  });

  test('a last good configuration of a format to come is set aside', () => {
    put('last-good-net-conf.json', '{"version": 3}');
    const keeper = configured();
    assert.equal(keeper.config, undefined);
    keeper.offer({ text: NET_CONF, origin: ORIGIN }, []);
    assert.equal(get('last-good-net-conf.json.format-3'), '{"version": 3}');
    assert.equal(JSON.parse(get('last-good-net-conf.json')).version, 2);
  });

  test('a snapshot of a format to come is set aside, one that is cut off is not', () => {
    put('cluster.json', '{"version": 2, "node": "node-1", "machine": "machine-1"}');
    put('holding.json', '{"version": 1, "node"');
    const keeper = new SnapshotKeeper({
      ...{ files: snapshotFiles(directory), owner: OWNER, bootId: 'a' },
      ...{ clock: systemClock, log: silentLog },
    });
    assert.deepEqual(keeper.read(), { cluster: undefined, holding: undefined });
    assert.deepEqual(readdirSync(directory).sort(), ['cluster.json.format-2', 'holding.json']);
  });
});
