// What `poplin doctor` asks a real etcd: whether it answers and what time it is there, by http and
// by certificates, of the first endpoint that says so; and what it says when none does.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { clock as clockCheck } from '../../../src/doctor/checks/clock.ts';
import { datastore } from '../../../src/doctor/checks/datastore.ts';
import type { ApiFacts, Facts } from '../../../src/doctor/facts.ts';
import { unknown } from '../../../src/doctor/facts.ts';
import { askEtcd } from '../../../src/doctor/gather/etcd.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../fake/tls.ts';
import { EtcdServer, freePorts } from './server.ts';

const DAY_MS = 86_400_000;
const TOMORROW = { ...systemClock, now: () => new Date(Date.now() + DAY_MS) };
const NO_FILES = { caFile: '', certFile: '', keyFile: '' };

const answerOf = async (
  access: NonNullable<Parameters<typeof askEtcd>[0]>,
  clock = systemClock,
): Promise<ApiFacts> => {
  const facts = await askEtcd(access, clock);
  assert.ok(facts.known);
  return facts.value;
};

const findingsOf = (value: ApiFacts): readonly string[] => {
  const facts = { api: { known: true, value }, datastore: 'etcd', agent: unknown('away') };
  return [clockCheck, datastore].flatMap((check) => {
    const verdict = check(facts as unknown as Facts);
    assert.ok(!('skipped' in verdict), JSON.stringify(verdict));
    return verdict.map(({ what }) => what);
  });
};

describe('an etcd that the doctor asks', () => {
  let server: EtcdServer;
  before(async () => {
    server = await EtcdServer.start();
  });
  after(() => server.dispose());

  test('is well by the same clock', async () => {
    const answer = await answerOf({ endpoints: [server.clientUrl], ...NO_FILES });
    assert.ok(Math.abs(answer.aheadMs ?? DAY_MS) < 30_000, String(answer.aheadMs));
    assert.deepEqual(findingsOf(answer), []);
  });

  test('says that this node is a day ahead', async () => {
    const answer = await answerOf({ endpoints: [server.clientUrl], ...NO_FILES }, TOMORROW);
    assert.match(findingsOf(answer).join(), /^the clock of this node is 86\d\d\d s ahead of/);
  });

  test('is looked for behind an endpoint that is away', async () => {
    const { client } = await freePorts();
    const endpoints = [`http://127.0.0.1:${client}`, server.clientUrl];
    const answer = await answerOf({ endpoints, ...NO_FILES });
    assert.deepEqual([answer.server, answer.problem], [server.clientUrl, '']);
  });

  test('that is away is named', async () => {
    const { client } = await freePorts();
    const answer = await answerOf({ endpoints: [`http://127.0.0.1:${client}`], ...NO_FILES });
    assert.match(answer.problem, /ECONNREFUSED/);
    const facts = { api: { known: true, value: answer }, datastore: 'etcd', agent: unknown('') };
    const verdict = datastore(facts as unknown as Facts);
    assert.ok(!('skipped' in verdict));
    assert.match(verdict[0]?.what ?? '', new RegExp(`etcd at .*:${client} does not answer`));
  });

  test('behind an address of another protocol has no clock, and no fault', async () => {
    const mute = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const address = mute.address();
    assert.ok(typeof address === 'object' && address !== null);
    try {
      const endpoints = [`http://127.0.0.1:${address.port}`];
      const answer = await answerOf({ endpoints, ...NO_FILES });
      assert.deepEqual([answer.problem, answer.aheadMs], ['', undefined]);
    } finally {
      mute.close();
    }
  });

  test('is asked by certificates, and refuses who has none', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pe-tls-'));
    const [caFile, keyFile] = [join(directory, 'crt'), join(directory, 'key')];
    writeFileSync(caFile, TEST_CERTIFICATE);
    writeFileSync(keyFile, TEST_KEY);
    const flags = [
      ...['--cert-file', caFile, '--key-file', keyFile],
      ...['--trusted-ca-file', caFile, '--client-cert-auth'],
    ];
    const closed = await EtcdServer.start({ tls: true, flags });
    try {
      const endpoints = [closed.clientUrl];
      const answer = await answerOf({ endpoints, caFile, certFile: caFile, keyFile });
      assert.deepEqual(findingsOf(answer), []);
      assert.ok(answer.aheadMs !== undefined);
      const refused = await answerOf({ endpoints, ...NO_FILES, caFile });
      assert.notEqual(refused.problem, '');
      const distrusted = await answerOf({ endpoints, ...NO_FILES });
      assert.match(distrusted.problem, /certificate/);
    } finally {
      await closed.dispose();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('that nobody has told of is not looked for', async () => {
    const facts = await askEtcd(undefined, systemClock);
    assert.ok(!facts.known);
  });
});
