// The keeper and the sidecar's script with real BIRDs in two network namespaces: first start, new
// configurations, those that BIRD refuses or that lose every session, death, and restarts of both
// sides. What is lost meanwhile is in restart.test.ts.

import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { birdFiles } from '../../../src/agent/bird-files.ts';
import { BirdKeeper } from '../../../src/agent/bird-keeper.ts';
import { birdText } from '../../../src/agent/bird-text.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { KEY } from '../../fake/bird-key.ts';
import { withinSomeTime } from '../some-time.ts';
import { confText, Sidecar, TEST_TIMEOUT_MS, TwoNodes, until } from './real-bird.ts';

/** What users are promised. */
const NOTICED_MS = 1_000;

/** The keeper of one node, as its agent has it. */
class Kept implements AsyncDisposable {
  readonly keeper: BirdKeeper;
  readonly tried: string[] = [];
  wanted: string | undefined;
  #stop = new AbortController();
  #running: Promise<void>;

  constructor(sidecar: Sidecar, wanted: string | undefined) {
    this.wanted = wanted;
    this.keeper = new BirdKeeper({
      open: (stop) => sidecar.open(stop),
      files: birdFiles(sidecar.directory),
      wanted: () => this.wanted,
      mayEndAll: () => true,
      random: () => 0.5,
      newKey: () => KEY,
      tried: (outcome) => this.tried.push(outcome),
      clock: systemClock,
      log: silentLog,
    });
    this.#running = this.keeper.run(() => undefined, this.#stop.signal);
  }

  want(text: string | undefined): void {
    this.wanted = text;
    this.keeper.hint();
  }

  get states(): string {
    return this.keeper.view.sessions.map(({ neighbour, state }) => `${neighbour} ${state}`).join();
  }

  /** Of the session with the other node. */
  get since(): string | undefined {
    return this.keeper.view.sessions.find(({ neighbour }) => neighbour === '10.9.0.2')?.since;
  }

  get isInForce(): boolean {
    const { running } = this.keeper.view;
    return running?.config === birdText(this.wanted ?? '', KEY).hash;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

test('two BIRDs from their first start on', { timeout: TEST_TIMEOUT_MS }, async (t) => {
  using nodes = new TwoNodes();
  await using left = new Sidecar(nodes.one);
  await using right = new Sidecar(nodes.two);
  // BIRD is started before anybody knows what it should do.
  left.start();
  right.start();
  await using one = new Kept(left, undefined);
  await using two = new Kept(right, confText({ number: 2 }));
  assert.equal(one.keeper.view.running, undefined);
  one.want(confText({ number: 1 }));
  const bothUp = (): boolean =>
    one.states === '10.9.0.2 established' && two.states === '10.9.0.1 established';

  await t.test('they find each other', async () => {
    await until('sessions', bothUp);
    assert.ok(one.isInForce && two.isInForce);
    assert.deepEqual(one.tried, [], 'it started by the first text');
    const { mode } = statSync(join(left.directory, 'bird.conf'));
    assert.equal(mode & 0o777, 0o600);
    const route = /10\.244\.2\.0\/24 via 10\.9\.0\.2 .*proto bird src 10\.244\.1\.0 metric 32/;
    await until('the route', () => route.test(nodes.one.run('ip route')));
  });

  await t.test(
    'another peer flaps nothing, and an agent that restarts changes nothing',
    async () => {
      const { since } = one;
      one.want(confText({ number: 1, strangers: ['10.9.0.77'] }));
      await until('the new text', () => one.isInForce);
      assert.ok(since !== undefined);
      assert.equal(one.since, since);
      assert.deepEqual(one.tried, ['confirmed']);
      await one.end();
      await using again = new Kept(left, one.wanted);
      await until('the next keeper knows', () => again.isInForce);
      await again.end();
      assert.deepEqual(again.tried, []);
      assert.equal(again.since, since);
    },
  );

  await using third = new Kept(left, confText({ number: 1 }));
  const bothUpAgain = (): boolean =>
    third.states === '10.9.0.2 established' && two.states === '10.9.0.1 established';

  await t.test('what BIRD does not understand stays away from it', async () => {
    await until('sessions', () => third.isInForce);
    third.want(`${confText({ number: 1, password: 'hunter2' })}protocol bgp nonsense;\n`);
    await until('the refusal', () => third.keeper.view.problems.length > 0);
    const [problem = ''] = third.keeper.view.problems;
    assert.match(
      problem,
      /BIRD refuses its new configuration: .*candidate\.conf:\d+:\d+ syntax error/,
    );
    assert.ok(!problem.includes('hunter2'));
    assert.equal(third.states, '10.9.0.2 established');
    assert.equal(third.tried.at(-1), 'refused');
    const good = readFileSync(join(left.directory, 'bird.conf'), 'utf8');
    assert.ok(!good.includes('nonsense') && !good.includes('hunter2'));
  });

  await whatGoesWrong(t, { left, third, bothUpAgain });
});

test('a first text that BIRD refuses is named, and another one is taken', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  using nodes = new TwoNodes();
  await using sidecar = new Sidecar(nodes.one);
  sidecar.start();
  await using kept = new Kept(sidecar, 'protocol bgp { password "hunter2" }\n');
  await until('the refusal', () => /syntax error/.test(kept.keeper.view.absence));
  assert.match(kept.keeper.view.absence, /bird\.conf:1:\d+/);
  kept.want(confText({ number: 1 }));
  await until('the other one', () => kept.isInForce);
});

type Going = {
  readonly left: Sidecar;
  readonly third: Kept;
  readonly bothUpAgain: () => boolean;
};

async function whatGoesWrong(t: TestContext, { left, third, bothUpAgain }: Going): Promise<void> {
  await t.test('what loses every session is taken back', async () => {
    third.want(confText({ number: 1, password: 'of one side alone' }));
    await until('it is taken back', () => third.tried.at(-1) === 'taken-back');
    // The other side has seen its end: what it says now is of the new one.
    await until('the session is back', bothUpAgain);
    assert.match(third.keeper.view.problems.join(), /has taken back its new configuration/);
    assert.ok(!readFileSync(join(left.directory, 'bird.conf'), 'utf8').includes('of one side'));
    const back = confText({ number: 1 });
    third.want(back);
    await until('the last good one', () => third.isInForce);
    await until('no word of the bad one', () => third.keeper.view.problems.length === 0);
  });

  await t.test(
    'its death is noticed in a second, and its return with the last good text',
    async () => {
      await withinSomeTime(NOTICED_MS, async () => {
        const startedMs = performance.now();
        left.killBird();
        await until('its end', () => third.keeper.view.running === undefined);
        const noticedMs = performance.now() - startedMs;
        t.diagnostic(`noticed after ${noticedMs.toFixed(0)} ms`);
        await until('its return', () => third.isInForce && bothUpAgain());
        return noticedMs;
      });
    },
  );

  await t.test('somebody gives BIRD another file', async () => {
    const path = join(left.directory, 'other.conf');
    writeFileSync(path, confText({ number: 1, strangers: ['10.9.0.66'] }));
    const count = third.tried.length;
    const taken = await left.asked((bird) => bird.configure(path));
    assert.deepEqual(taken, { kind: 'taken' });
    await until('ours is back', () => third.tried.length > count && third.isInForce);
    assert.equal(third.states, '10.9.0.2 established');
  });
}
