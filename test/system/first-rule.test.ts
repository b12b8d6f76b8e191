// The first routing rule of a network namespace is made while packets to the node's own addresses
// come in without a pause. With thousands of those the moment in which the kernel knows none of
// them lasts long enough to be met nearly each time. Needs root.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Op } from '../../src/state/op.ts';
import { OWN_PROTOCOL, PROBE_MARK, PROBE_TABLE } from '../../src/state/own.ts';
import { kernelOf, TestNamespace } from './namespaces.ts';

const ROUNDS = 5;
const ADDRESSES = 3_000;
const SENDING_MS = 150;

const RULE: Op = {
  verb: 'add',
  object: 'rule',
  value: {
    ...{ family: 'ipv4', priority: PROBE_TABLE, table: PROBE_TABLE },
    ...{ mark: PROBE_MARK, markMask: PROBE_MARK },
  },
};

/** Sends until it is told to end; prints how many packets went, and how many found no route. */
const SENDER = `
use Socket; use Errno qw(ENETUNREACH EHOSTUNREACH);
socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die;
my ($to, $sent, $lost, $end) = (pack_sockaddr_in(9, inet_aton("10.7.0.3")), 0, 0, 0);
$SIG{TERM} = sub { $end = 1 };
until ($end) {
  if (defined send($socket, "x", 0, $to)) { $sent++ }
  elsif ($! == ENETUNREACH || $! == EHOSTUNREACH) { $lost++ }
}
print "$sent $lost\\n";
`;

class World implements Disposable {
  readonly namespace = new TestNamespace('first-rule');
  readonly kernel = kernelOf(this.namespace);

  constructor() {
    const addresses = Array.from({ length: ADDRESSES }, (_, index) => {
      const address = `10.7.${Math.floor(index / 250)}.${index % 250}`;
      return `route add local ${address} dev lo table local scope host\n`;
    });
    this.namespace.run('ip -batch -', `link set lo up\n${addresses.join('')}`);
  }

  read() {
    return this.kernel.read({
      ...{ sysctls: [], routeProtocol: OWN_PROTOCOL, rulePriority: PROBE_TABLE, nft: false },
      ownsLink: () => false,
    });
  }

  [Symbol.dispose](): void {
    this.kernel.close();
    this.namespace[Symbol.dispose]();
  }
}

async function sendingDuring(
  world: World,
  work: () => Promise<unknown>,
): Promise<{ readonly sent: number; readonly lost: number }> {
  const argv = ['netns', 'exec', world.namespace.name, 'perl', '-e', SENDER];
  const sender = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(sender, 'close');
  let text = '';
  sender.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await sleep(SENDING_MS);
  await work();
  await sleep(SENDING_MS);
  sender.kill('SIGTERM');
  await closed;
  const [sent = 0, lost = Number.NaN] = text.trim().split(' ').map(Number);
  return { sent, lost };
}

describe('the first rule of a namespace', () => {
  test('is made without a moment in which the node does not know its addresses', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      using world = new World();
      const { sent, lost } = await sendingDuring(world, async () =>
        assert.deepEqual(await world.kernel.apply([RULE]), []),
      );
      assert.ok(sent > 1_000, `${sent} packets were sent`);
      assert.equal(lost, 0, `of ${sent} packets`);
      assert.match(world.namespace.run('ip rule'), /^113:\s+from all fwmark 0x1000\/0x1000 /m);
      assert.equal(world.namespace.run('ip route show table main type local'), '');
      const local = world.namespace.run('ip route show table local').trim().split('\n');
      assert.ok(local.length >= ADDRESSES, `${local.length} local routes are left`);
    }
  });

  test('copies that an agent left when it died are routes of ours that nobody wants', async () => {
    using world = new World();
    const copy = 'ip route add local 10.7.0.3 dev lo table main proto 113 metric 1';
    world.namespace.run(copy);
    const [left, ...others] = [...world.read().routes.values()];
    assert.ok(left !== undefined && others.length === 0);
    assert.deepEqual(
      await world.kernel.apply([{ verb: 'remove', object: 'route', value: left }]),
      [],
    );
    assert.equal(world.namespace.run('ip route show table main'), '');
    assert.match(world.namespace.run('ip route show table local'), /^local 10\.7\.0\.3 /m);
  });
});
