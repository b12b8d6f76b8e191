// What is told of a loss afterwards: when it was, what changed around that time, and which counters
// of drops have grown meanwhile, of real namespaces.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grownCounters, readLossCounters } from '../../../src/lab/loss-counters.ts';
import { LossWitness, parseEvent } from '../../../src/lab/loss-witness.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { TestNamespace } from '../namespaces.ts';

const TIMEOUT_MS = 60_000;
const WAY = { from: 'a', to: 'b', family: 'ipv4', sent: 100, error: '' } as const;

const lossOf = (fromMs: number) => ({
  ...{ ...WAY, lost: 12, longestGapMs: 46 },
  gaps: [{ fromMs, lengthMs: 46, lost: 12 }],
});

async function untilTold(witness: LossWitness, change: () => void): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  // The first ones may come before the monitor listens.
  while (witness.eventCount === 0) {
    assert.ok(performance.now() < endMs, 'the witness has seen nothing');
    change();
    await systemClock.sleep(20);
  }
}

test('a loss is told with what changed around it and what was counted', async () => {
  using namespace = new TestNamespace('witness');
  namespace.run('ip link set lo up');
  const witness = LossWitness.start([{ name: 'node1', netns: namespace.name }]);
  try {
    const startedAt = new Date().toISOString();
    await untilTold(witness, () => {
      namespace.run('ip address add 10.9.9.9/32 dev lo');
      namespace.run('ip address del 10.9.9.9/32 dev lo');
    });
    assert.throws(() => namespace.run('ping -c 1 -W 1 192.0.2.1'));
    const fromMs = Date.now() - Date.parse(startedAt);
    const text = witness.tellOf({ startedAt, pairs: [lossOf(fromMs)] }).join('\n');
    assert.match(text, /^a -> b, ipv4: 12 lost in 46 ms from \d\d:\d\d:\d\d\.\d{3} on$/m);
    assert.match(text, /^counted meanwhile: .*node1 Ip OutNoRoutes \+\d/m);
    const late = witness.tellOf({ startedAt, pairs: [lossOf(fromMs + 3_600_000)] }).join('\n');
    assert.match(late, /the kernels told around these times: nothing$/);
    const all = witness.tellOf({ startedAt, pairs: [{ ...lossOf(0), gaps: [WHOLE] }] }).join('\n');
    assert.match(all, /^ {2}\d\d:\d\d:\d\d\.\d{3} node1 \[ADDR\].*10\.9\.9\.9/m);
    assert.deepEqual(witness.tellOf({ startedAt, pairs: [{ ...lossOf(0), gaps: [] }] }), []);
  } finally {
    witness.close();
  }
});

/** The time of the whole test, as a gap. */
const WHOLE = { fromMs: 0, lengthMs: 3_600_000, lost: 1 } as const;

test('drops of links and of the kernel’s queues are counted by place', () => {
  using namespace = new TestNamespace('counters');
  namespace.run('ip link set lo up');
  const before = readLossCounters('node1', namespace.name);
  const names = [...before.keys()];
  for (const name of ['Ip InDiscards', 'link lo send drops', 'softnet dropped', 'Udp6InErrors'])
    assert.ok(names.includes(`node1 ${name}`), `no ${name} among ${names.join(', ')}`);
  assert.ok(!names.some((name) => name.includes('InReceives')), 'no counter of what went well');
  const after = new Map(before).set('node1 link lo send drops', 5).set('node2 new', 1);
  assert.deepEqual(grownCounters(before, after), ['node1 link lo send drops +5', 'node2 new +1']);
});

test('lines of the monitor that have no stamp of their own are left out', () => {
  const text = '[2026-11-22T09:08:28.722157] [ROUTE]default via 169.254.1.1 dev eth0';
  assert.deepEqual(parseEvent('node1', text), {
    place: 'node1',
    atMs: Date.parse('2026-11-22T09:08:28.722Z'),
    text: '[ROUTE]default via 169.254.1.1 dev eth0',
  });
  assert.equal(parseEvent('node1', '    link/ether 02:00:00:00:00:01'), undefined);
});
