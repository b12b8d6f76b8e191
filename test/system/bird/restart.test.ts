// What a restart of BIRD costs: packets every 5 ms between the subnet addresses of two nodes, whose
// routes are BIRD's alone, while one BIRD is killed, stopped as a runtime stops a container, and
// started again. Neighbours keep the routes, and the kernel its own: nothing may be lost.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BirdSession } from '../../../src/bird/sessions.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { confText, ping, Sidecar, TEST_TIMEOUT_MS, TwoNodes, until } from './real-bird.ts';

/** Packets that were sent and that came back, from here to `end`. */
class Pinger {
  readonly #done: Promise<{ sent: number; received: number }>;
  readonly #end: () => void;

  constructor(netns: string) {
    const words = ['netns', 'exec', netns, 'ping', '-q', '-i', '0.005'];
    const child = spawn('ip', [...words, '-I', '10.244.1.0', '10.244.2.0']);
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString();
    });
    this.#end = () => child.kill('SIGINT');
    this.#done = new Promise((resolve) =>
      child.once('exit', () => {
        const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(said) ?? [];
        resolve({ sent: Number(sent), received: Number(received) });
      }),
    );
  }

  async end(): Promise<{ sent: number; received: number }> {
    // The last packet may still be on its way.
    this.#end();
    return this.#done;
  }
}

async function looked(sidecar: Sidecar) {
  const seen = await sidecar.asked(async (bird) => {
    const { recovery } = await bird.status();
    return { recovery, sessions: await bird.sessions() };
  });
  return seen ?? { recovery: undefined, sessions: [] };
}

async function established(sidecar: Sidecar): Promise<readonly BirdSession[]> {
  const { recovery, sessions } = await looked(sidecar);
  return recovery === undefined ? sessions.filter(({ state }) => state === 'established') : [];
}

/** The second time when it answers and has no session, or one by which it has told nothing yet. */
async function killTwice(sidecar: Sidecar, moment: 'before' | 'after'): Promise<void> {
  const conf = join(sidecar.directory, 'bird.conf');
  const good = readFileSync(conf, 'utf8');
  // A neighbour that never comes is waited for, and nothing is told to any meanwhile.
  writeFileSync(conf, confText({ number: 2, strangers: ['10.9.0.77'] }));
  using _wall = moment === 'before' ? sidecar.withoutBgp() : undefined;
  const pid = sidecar.birdPid();
  sidecar.killBird();
  await until('its end', () => sidecar.birdPid() !== pid);
  await until(`the moment ${moment} its session`, async () => {
    const { recovery, sessions } = await looked(sidecar);
    const isUp = sessions.some(({ state }) => state === 'established');
    return recovery !== undefined && isUp === (moment === 'after');
  });
  writeFileSync(conf, good);
  const { recovery } = await looked(sidecar);
  assert.ok(recovery !== undefined, 'it has told its routes already');
  sidecar.killBird();
}

test('restarts of BIRD lose no packet', { timeout: TEST_TIMEOUT_MS }, async (t) => {
  using nodes = new TwoNodes();
  await using left = new Sidecar(nodes.one);
  await using right = new Sidecar(nodes.two);
  for (const [sidecar, number] of [
    [left, 1],
    [right, 2],
  ] as const) {
    writeFileSync(join(sidecar.directory, 'bird.conf'), confText({ number }));
    sidecar.start();
  }
  const bothUp = async (): Promise<boolean> =>
    (await established(left)).length === 1 && (await established(right)).length === 1;
  const isReached = (): boolean => {
    try {
      ping(nodes.one.name, '-c 1 -W 5 -I 10.244.1.0 10.244.2.0');
      return true;
    } catch {
      return false;
    }
  };
  await until('both reach each other', async () => (await bothUp()) && isReached());

  const RESTARTS: readonly (readonly [string, () => Promise<void>])[] = [
    ['SIGKILL', async () => right.killBird()],
    ['a second SIGKILL before a session is there', () => killTwice(right, 'before')],
    ['a second SIGKILL before its routes are told', () => killTwice(right, 'after')],
    [
      'the container stops for two seconds',
      async () => {
        await right.stop();
        assert.equal(right.birdPid(), undefined);
        await systemClock.sleep(2_000);
        right.start();
      },
    ],
  ];
  for (const [name, restart] of RESTARTS) {
    await t.test(name, async (inner) => {
      const before = right.birdPid();
      const pinger = new Pinger(nodes.one.name);
      await restart();
      await until('another BIRD', () => ![undefined, before].includes(right.birdPid()));
      await until('sessions', bothUp);
      const { sent, received } = await pinger.end();
      inner.diagnostic(`${sent} packets, ${sent - received} lost`);
      assert.ok(sent > 50, `only ${sent} packets`);
      // The one that was under way when the counting ended may be missing.
      assert.ok(sent - received <= 1, `${sent - received} of ${sent} lost`);
    });
  }
});
