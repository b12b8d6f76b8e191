// Taking Poplin away from a node of which something goes wrong: what a second run needs stays, what
// another node could use is not given back too early, and what is not ours is left and named.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { CleanupParts } from '../../../src/cleanup/cleanup.ts';
import { cleanUp } from '../../../src/cleanup/cleanup.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Withdrawal } from '../../../src/source/withdrawal.ts';
import type { Route } from '../../../src/state/kernel-state.ts';
import { keyOfRoute } from '../../../src/state/kernel-state.ts';
import { BIRD_PROTOCOL, MAIN_TABLE, OWN_METRIC, OWN_PROTOCOL } from '../../../src/state/own.ts';
import { FakeKernel } from '../../fake/kernel.ts';
import { FakeMachine } from '../../fake/namespace.ts';

let directory = '';
let kernel = new FakeKernel(new FakeMachine().namespace('/host'));
let lines: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'poplin-cleanup-'));
  kernel = new FakeKernel(new FakeMachine().namespace('/host'));
  lines = [];
  for (const name of ['state', 'run', 'bird', 'net.d', 'bin']) mkdirSync(join(directory, name));
  for (const file of FILES) writeFileSync(join(directory, file), '{}');
  addRoute({ protocol: OWN_PROTOCOL, metric: OWN_METRIC });
});
afterEach(() => rmSync(directory, { recursive: true }));

const FILES = [
  ...['state/original-sysctls.json', 'state/cluster.json.tmp', 'state/holding.json.format-9'],
  ...['run/subnet.env', 'run/poplin.tgz', 'bird/bird.conf'],
  ...['net.d/10-poplin.conflist', 'net.d/20-other.conflist'],
  ...['bin/poplin', 'bin/bridge'],
];

function addRoute(of: Pick<Route, 'protocol' | 'metric'>, destination = '10.244.1.0/24'): void {
  const route: Route = {
    ...of,
    destination: destination as Cidr,
    table: MAIN_TABLE,
    via: { kind: 'unreachable' },
  };
  kernel.namespace.routes.set(keyOfRoute(route), route);
}

const trace = (what: string) => ({ what, remove: async () => void lines.push(`API: ${what}`) });

const withdrawal: Withdrawal = {
  place: 'the API',
  adverts: async () => [trace('advert')],
  claims: async () => [trace('Lease')],
  close: () => undefined,
};

const clean = (parts: Partial<CleanupParts> = {}): Promise<number> =>
  cleanUp({
    kernel,
    places: {
      ...{ stateDir: join(directory, 'state'), runDir: join(directory, 'run') },
      ...{ birdDir: join(directory, 'bird'), cniConfDir: join(directory, 'net.d') },
      cniBinDir: join(directory, 'bin'),
    },
    ...{ networks: [], originals: new Map(), originalsProblem: '', podAddresses: [] },
    openWithdrawal: async () => withdrawal,
    isDryRun: false,
    report: {
      did: (what) => void lines.push(what.replace(directory, '')),
      left: (what, why) => void lines.push(`left: ${what.replace(directory, '')}: ${why}`),
    },
    stop: new AbortController().signal,
    ...parts,
  });

const isThere = (name: string): boolean => existsSync(join(directory, name));
const routes = (): number => kernel.namespace.routes.size;

describe('a cleanup', () => {
  test('goes in the reverse of the order in which all came', async () => {
    assert.equal(await clean(), 0);
    const expected = [
      'remove /net.d/10-poplin.conflist',
      ...['API: advert', 'remove advert'],
      'route remove unreachable 10.244.1.0/24 proto 113 metric 16',
      ...['API: Lease', 'remove Lease'],
      ...['remove /bird/bird.conf', 'remove /bird', 'remove /bin/poplin'],
      ...['remove /run/poplin.tgz', 'remove /run/subnet.env', 'remove /run'],
      ...['remove /state/cluster.json.tmp', 'remove /state/holding.json.format-9'],
      ...['remove /state/original-sysctls.json', 'remove /state'],
    ];
    assert.deepEqual(lines, expected);
    assert.ok(isThere('net.d/20-other.conflist') && isThere('bin/bridge'));
  });

  test('that is done again finds nothing', async () => {
    await clean();
    lines = [];
    const none = { ...withdrawal, adverts: async () => [], claims: async () => [] };
    assert.equal(await clean({ openWithdrawal: async () => none }), 0);
    assert.deepEqual(lines, []);
  });

  test('changes nothing in a dry run', async () => {
    await clean({ isDryRun: true });
    assert.equal(routes(), 1);
    assert.deepEqual(kernel.applied, []);
    assert.ok(FILES.every(isThere));
    assert.ok(!lines.some((line) => line.startsWith('API:')), lines.join());
    assert.ok(lines.includes('remove Lease'));
  });

  test('keeps the subnet and what it must know while the kernel refuses', async () => {
    const refused = new AppError('NETLINK', 'remove route', 'EPERM');
    kernel.apply = async (ops) => ops.map((op) => ({ op, error: refused }));
    assert.equal(await clean(), 3);
    assert.ok(isThere('state/original-sysctls.json'));
    assert.ok(!isThere('bin/poplin'));
    assert.ok(!lines.includes('API: Lease'));
  });

  test('keeps the record of sysctls that it does not understand', async () => {
    assert.equal(await clean({ originalsProblem: 'its format is 9' }), 3);
    assert.ok(isThere('state/original-sysctls.json'));
    assert.ok(lines.includes('left: sysctls: its format is 9'), lines.join('\n'));
  });

  test('goes on without the API, and says what is left there', async () => {
    const away = new AppError('KUBERNETES_API', 'GET node', 'no answer');
    assert.equal(await clean({ openWithdrawal: () => Promise.reject(away) }), 1);
    assert.equal(routes(), 0);
    assert.ok(!isThere('state'));
    assert.match(
      lines.join('\n'),
      /left: what this node has published, and its subnets: .*no answer/,
    );
  });

  test('leaves a directory that somebody else uses', async () => {
    writeFileSync(join(directory, 'run/other.pid'), '1');
    assert.equal(await clean(), 1);
    assert.ok(isThere('run/other.pid') && !isThere('run/subnet.env'));
    assert.ok(lines.includes('left: /run: there is something else in it: other.pid'));
  });
});

describe("BIRD's routes", () => {
  beforeEach(() => {
    addRoute({ protocol: BIRD_PROTOCOL, metric: 32 }, '10.244.2.0/24');
    addRoute({ protocol: BIRD_PROTOCOL, metric: 7 }, '10.244.3.0/24');
  });

  test('go where a BIRD of ours has run, but for those of another metric', async () => {
    await clean();
    assert.deepEqual(
      [...kernel.namespace.routes.values()].map(({ destination }) => destination),
      ['10.244.3.0/24'],
    );
  });

  test('are somebody else’s where none has', async () => {
    rmSync(join(directory, 'bird/bird.conf'));
    await clean();
    assert.equal(routes(), 2);
  });
});

describe('sysctls', () => {
  test('those that set others go first, and what they set is looked at again', async () => {
    const { sysctls } = kernel.namespace;
    sysctls.set('ipv4/ip_forward', '1').set('ipv4/conf/all/accept_redirects', '0');
    sysctls.set('ipv4/conf/default/forwarding', '1');
    // As Linux does.
    kernel.afterOp = (op) => {
      if (op.object !== 'sysctl' || op.value.path !== 'ipv4/ip_forward') return;
      sysctls.set('ipv4/conf/all/accept_redirects', '1').set('ipv4/conf/default/forwarding', '0');
    };
    const originals = new Map([
      ['ipv4/conf/all/accept_redirects', '0'],
      ['ipv4/conf/default/forwarding', '0'],
      ['ipv4/ip_forward', '0'],
      ['ipv4/conf/gone/rp_filter', '1'],
    ]);
    assert.equal(await clean({ originals }), 0);
    assert.deepEqual(
      lines.filter((line) => line.startsWith('sysctl')),
      ['sysctl change ipv4/ip_forward = 0', 'sysctl change ipv4/conf/all/accept_redirects = 0'],
    );
  });
});
