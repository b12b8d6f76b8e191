// No password of a session gets anywhere but into bird.conf, which nobody else may read: neither
// into the log, status, metrics and Events, nor into what is said of BIRD's refusal. And what a
// node cannot do of its configuration is told once.

import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { Announcer } from '../../../src/agent/announcer.ts';
import { birdFiles } from '../../../src/agent/bird-files.ts';
import { BirdKeeper } from '../../../src/agent/bird-keeper.ts';
import { BirdPasswords, readPasswords } from '../../../src/agent/bird-passwords.ts';
import { BirdSpeaker } from '../../../src/agent/bird-speaker.ts';
import { bgpStatus } from '../../../src/agent/bird-status.ts';
import { AgentMetrics } from '../../../src/agent/metrics.ts';
import { reportBird } from '../../../src/agent/reports.ts';
import { birdLines } from '../../../src/cli/bird-lines.ts';
import type { OperatorEvent } from '../../../src/source/source.ts';
import { bgpPass } from '../../fake/bgp-pass.ts';
import { FakeBird, FakeBirdFiles } from '../../fake/bird.ts';
import { KEY } from '../../fake/bird-key.ts';
import { FakeClock, settle } from '../../fake/clock.ts';

const GOOD = 'hunter2-is-good';
const LONG = `hunter2-is-long-${'x'.repeat(80)}`;
const SECRET = /hunter2/;

class Scene implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'poplin-secrets-'));
  readonly birdDir = join(this.directory, 'bird');
  readonly clock = new FakeClock();
  readonly metrics = new AgentMetrics();
  readonly events: OperatorEvent[] = [];
  readonly logged: string[] = [];
  readonly log = pino({ level: 'debug' }, { write: (line) => void this.logged.push(line) });
  readonly files = birdFiles(this.birdDir);
  readonly mirror = new FakeBirdFiles();
  readonly bird = new FakeBird(this.mirror);
  readonly speaker: BirdSpeaker;
  readonly keeper: BirdKeeper;
  readonly announcer: Announcer;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor() {
    const { clock, log, files } = this;
    this.speaker = new BirdSpeaker({
      nodeName: 'node-1',
      view: () => this.keeper.view,
      readGood: files.readGood,
      passwords: new BirdPasswords((keys) => readPasswords(join(this.directory, 'secrets'), keys)),
      hint: () => this.keeper.hint(),
      tracks: () => new Map(),
      clock,
      log,
    });
    this.keeper = new BirdKeeper({
      open: async () => this.bird,
      files,
      wanted: () => this.speaker.wanted,
      mayEndAll: () => this.speaker.mayEndAll,
      random: () => 0.5,
      newKey: () => KEY,
      tried: (outcome) => this.metrics.bird.tried(outcome),
      clock,
      log,
    });
    // It says what no BIRD of today does: the whole text.
    this.bird.refuses = () => this.candidate();
    this.metrics.bird.follow(() => this.keeper.view);
    const tell = async (event: OperatorEvent) => void this.events.push(event);
    this.announcer = new Announcer({ tell }, clock, log);
    const { signal } = this.#stop;
    const keeping = this.keeper.run(() => undefined, signal);
    this.#running = Promise.all([keeping, this.announcer.run(signal)]);
  }

  candidate(): string | undefined {
    return readFileSync(this.files.candidate, 'utf8');
  }

  writePassword(key: string, text: string): void {
    mkdirSync(join(this.directory, 'secrets', 'bgp'), { recursive: true });
    writeFileSync(join(this.directory, 'secrets', 'bgp', key), text);
  }

  async follow(bgp: object): Promise<void> {
    this.speaker.follow(bgpPass('bgp', { bgp }));
    await this.clock.advance(5_000);
    await settle();
    reportBird({ announcer: this.announcer, bird: this.keeper, bgp: this.speaker });
    await this.clock.advance(5_000);
  }

  async said(): Promise<Readonly<Record<string, string>>> {
    const status = bgpStatus(this.keeper.view, this.speaker);
    return {
      status: JSON.stringify(status),
      page: birdLines(status).join('\n'),
      metrics: await this.metrics.registry.metrics(),
      events: JSON.stringify(this.events),
      log: this.logged.join(''),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    rmSync(this.directory, { recursive: true });
  }
}

test('a password is in bird.conf alone, and what is wrong with one names Secret and key', async () => {
  await using scene = new Scene();
  scene.writePassword('nodes', GOOD);
  scene.writePassword('tor', LONG);
  const PasswordSecret = { Name: 'bgp', Key: 'tor' };
  const Peers = [{ Address: '192.168.1.250', AS: 65_001, PasswordSecret }];
  await scene.follow({ NodePasswordSecret: { Name: 'bgp', Key: 'nodes' }, Peers });
  assert.match(scene.files.readGood() ?? '', SECRET);
  const said = await scene.said();
  for (const [where, text] of Object.entries(said)) {
    assert.notEqual(text, '', where);
    assert.doesNotMatch(text, SECRET, where);
  }
  for (const where of ['status', 'page', 'events', 'log'] as const) {
    assert.match(said[where]?.replaceAll('\\', '') ?? '', /key "tor" of Secret bgp has 96/, where);
    assert.match(said[where] ?? '', /refuses its new configuration/, where);
  }
  assert.equal(statSync(scene.birdDir).mode & 0o777, 0o700);
  for (const file of readdirSync(scene.birdDir)) {
    assert.equal(statSync(join(scene.birdDir, file)).mode & 0o777, 0o600, file);
  }
});

test('what is left out is an Event once, and another when it is well again', async () => {
  await using scene = new Scene();
  const bgp = { Peers: [{ Address: '172.30.0.1', AS: 65_001 }] };
  for (let pass = 0; pass < 3; pass += 1) await scene.follow(bgp);
  const told = () => scene.events.filter(({ reason }) => reason.startsWith('BgpLeftOut'));
  const [event, ...more] = told();
  assert.match(event?.message ?? '', /^peer 172\.30\.0\.1: it is on no network of this node/);
  assert.deepEqual(more, []);
  await scene.follow({});
  assert.deepEqual(
    told()
      .slice(1)
      .map(({ reason }) => reason),
    ['BgpLeftOutResolved'],
  );
  assert.deepEqual(scene.speaker.problems, []);
});
