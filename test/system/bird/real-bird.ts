// A real BIRD in a network namespace, run by the sidecar's own script as on a node: for tests.
// It is ended by its process id. Two namespaces are joined by a veth pair, as two nodes are.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { passwordId } from '../../../src/bgp/passwords.ts';
import { renderBird } from '../../../src/bgp/render.ts';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import type { SpeakerNode } from '../../../src/bgp/speaker-types.ts';
import type { Bird } from '../../../src/bird/bird.ts';
import { openBird } from '../../../src/bird/bird.ts';
import { BirdDecodeError } from '../../../src/bird/decode-error.ts';
import type { BirdProgram } from '../../../src/lab/bird-program.ts';
import { findBird } from '../../../src/lab/bird-program.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { bgpSettings, cidr, ip, NETWORKS } from '../../fake/bgp.ts';
import { TestNamespace } from '../namespaces.ts';

const SCRIPT = join(import.meta.dirname, '../../../scripts/bird-run.sh');
const GENEROUS_MS = 120_000;
/** Of tests with several such waits, one after the other. */
export const TEST_TIMEOUT_MS = 900_000;

export function installedBird(): BirdProgram {
  const program = findBird(undefined, join(import.meta.dirname, '../../..'));
  assert.ok(program !== undefined, 'sh scripts/setup.sh test has unpacked BIRD');
  return program;
}

export class Sidecar implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'brd-bird-'));
  readonly socketPath = join(this.directory, 'bird.ctl');
  readonly #netns: TestNamespace;
  #process: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  readonly #launcher: readonly string[];

  /** `launcher`: words that start the script, as what follows them. */
  constructor(netns: TestNamespace, launcher: readonly string[] = []) {
    this.#netns = netns;
    this.#launcher = launcher;
  }

  start(): void {
    const { environment } = installedBird();
    const log = openSync(join(this.directory, 'log'), 'a');
    const script = ['sh', SCRIPT, this.directory];
    const words = ['netns', 'exec', this.#netns.name, ...this.#launcher, ...script];
    const child = spawn('ip', words, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
    });
    this.#process = child;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** As a runtime stops a container. */
  async stop(): Promise<void> {
    this.#process?.kill('SIGTERM');
    await this.#exited;
  }

  /** What its own client prints; throws while it does not answer. */
  ask(command: string): string {
    const { environment } = installedBird();
    const words = ['-s', this.socketPath, ...command.split(' ')];
    const env = { ...process.env, ...environment };
    return execFileSync(environment.BIRDCL ?? 'birdcl', words, { env, encoding: 'utf8' });
  }

  open(stop = new AbortController().signal): Promise<Bird> {
    const { socketPath } = this;
    return openBird({ socketPath, clock: systemClock, timeoutMs: GENEROUS_MS, stop });
  }

  /** undefined where no BIRD answers. */
  async asked<Answer>(question: (bird: Bird) => Promise<Answer>): Promise<Answer | undefined> {
    let bird: Bird | undefined;
    try {
      bird = await this.open();
      return await question(bird);
    } catch (error) {
      // What it says and nobody understands is no absence.
      if (error instanceof AppError && !(error.cause instanceof BirdDecodeError)) return undefined;
      throw error;
    } finally {
      bird?.close();
    }
  }

  /** BIRD alone: the script goes on. */
  killBird(signal = 'KILL'): void {
    const pid = this.birdPid();
    assert.ok(pid !== undefined, this.log());
    process.kill(pid, `SIG${signal}` as NodeJS.Signals);
  }

  /** As long as it is there, no session comes up; all other packets pass. */
  withoutBgp(): Disposable {
    const rules = `table inet wall { chain input { type filter hook input priority 0;
      tcp dport 179 drop; tcp sport 179 drop; }; }`;
    this.#netns.run('nft -f -', rules);
    return { [Symbol.dispose]: () => void this.#netns.run('nft delete table inet wall') };
  }

  birdPid(): number | undefined {
    const pids = this.#netns.run(`ip netns pids ${this.#netns.name}`).split('\n');
    const found = pids.find((pid) => {
      const words = commandLine(pid);
      return words.includes('-f') && words.includes(this.socketPath);
    });
    return found === undefined ? undefined : Number(found);
  }

  log(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const bird = this.birdPid();
    this.#process?.kill('SIGKILL');
    if (bird !== undefined) process.kill(bird, 'SIGKILL');
    await this.#exited;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** As root in a container: what it may ever have is what it has. */
export function boundedTo(capabilities: readonly string[]): string[] {
  const names = capabilities.map((name) => `+${name.toLowerCase()}`);
  return ['setpriv', '--no-new-privs', '--inh-caps=-all', `--bounding-set=-all,${names.join(',')}`];
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Two namespaces with 10.9.0.1 and 10.9.0.2, fd09::1 and fd09::2 on eth0. */
export class TwoNodes implements Disposable {
  readonly one = new TestNamespace('brd1');
  readonly two = new TestNamespace('brd2');

  constructor() {
    this.one.run(`ip link add eth0 type veth peer name eth0 netns ${this.two.name}`);
    for (const [index, { run }] of [this.one, this.two]
      .map((n) => ({ run: n.run.bind(n) }))
      .entries()) {
      run('sysctl -qw net.ipv4.ip_forward=1');
      run('ip link set lo up');
      run(`ip address add 10.244.${index + 1}.0/32 dev lo`);
      run(`ip address add 10.9.0.${index + 1}/24 dev eth0`);
      run(`ip address add fd09::${index + 1}/64 dev eth0 nodad`);
      run('ip link set eth0 up');
    }
  }

  [Symbol.dispose](): void {
    this.one[Symbol.dispose]();
    this.two[Symbol.dispose]();
  }
}

/** Waits for what must come some time; resolves with what `find` has found. */
export async function until<Found>(
  what: string,
  find: () => Found | undefined | false | Promise<Found | undefined | false>,
): Promise<Found> {
  const endMs = performance.now() + GENEROUS_MS;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    assert.ok(performance.now() < endMs, `not in time: ${what}`);
    await systemClock.sleep(20);
  }
}

export const ping = (netns: string, words: string): string =>
  execFileSync('ip', ['netns', 'exec', netns, 'ping', ...words.split(' ')], { encoding: 'utf8' });

export type TextOptions = {
  readonly number: 1 | 2;
  readonly password?: string;
  /** Nothing listens there. */
  readonly strangers?: readonly string[];
  /** The peer is on a link of the node, as one with an AS of its own is. */
  readonly isDirect?: boolean;
};

/** What a node of two says to its BIRD; 10.244.N.0/24 is its subnet. */
export function confText({
  number,
  password,
  strangers = [],
  isDirect = false,
}: TextOptions): string {
  const secret = { secret: 'bgp', key: 'nodes' };
  const settings = bgpSettings(
    password === undefined ? {} : { NodePasswordSecret: { Name: secret.secret, Key: secret.key } },
  );
  const local = { link: 'eth0', address: addressOf(number), lengthBits: 24 } as const;
  const nodeOf = (address: Ip, index: number): SpeakerNode => ({
    name: `node-${index}`,
    labels: {},
    subnets: [subnetOf(index)],
    addresses: [address],
  });
  const speaker = speakerOf({
    settings,
    networks: NETWORKS.filter(({ family }) => family === 'ipv4'),
    self: { name: `node-${number}`, labels: {}, subnets: [subnetOf(number)] },
    underlays: [local],
    addresses: [local],
    nodes: [
      nodeOf(addressOf(3 - number), 3 - number),
      ...strangers.map((address, index) => nodeOf(ip(address), 10 + index)),
    ],
  });
  const text = renderBird(speaker, new Map([[passwordId(secret), password ?? '']]));
  return isDirect ? text.replaceAll(/^ {2}neighbor /gm, '  direct;\n$&') : text;
}

const addressOf = (number: number): Ip => ip(`10.9.0.${number}`);
const subnetOf = (number: number): Cidr => cidr(`10.244.${number}.0/24`);
