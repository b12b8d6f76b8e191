// One whole agent of the production code over a kernel, a disk and a datastore in memory. The
// machine, its state directory and its boot outlive the agent, as in reality; a reboot wipes the
// kernel. Whoever uses it moves the clock.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentParts } from '../../src/agent/agent.ts';
import { Agent } from '../../src/agent/agent.ts';
import { Announcer } from '../../src/agent/announcer.ts';
import { ConfigKeeper } from '../../src/agent/config-keeper.ts';
import { FlannelMove } from '../../src/agent/flannel-move.ts';
import { ForeignRules } from '../../src/agent/foreign-rules.ts';
import { LeaseKeeper } from '../../src/agent/lease-keeper.ts';
import { AgentMetrics } from '../../src/agent/metrics.ts';
import { OriginalSysctls } from '../../src/agent/original-sysctls.ts';
import { PathProber } from '../../src/agent/path-prober.ts';
import { PodMtus } from '../../src/agent/pod-mtus.ts';
import { Pods } from '../../src/agent/pods.ts';
import { Reconciler } from '../../src/agent/reconciler.ts';
import type { SnapshotFiles } from '../../src/agent/snapshot-keeper.ts';
import { SnapshotKeeper } from '../../src/agent/snapshot-keeper.ts';
import { SummaryPublisher } from '../../src/agent/summary-publisher.ts';
import { renderAttachment, renderFileName } from '../../src/cni/attachment-file.ts';
import { AttachmentStore } from '../../src/cni/store.ts';
import type { Attachment } from '../../src/endpoint/attachment.ts';
import type { EchoRequest } from '../../src/kernel/echo.ts';
import type { RunCommand } from '../../src/kernel/foreign-firewall.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { AppError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { Source } from '../../src/source/source.ts';
import { OWN_PROTOCOL, ownsLink, PROBE_TABLE } from '../../src/state/own.ts';
import { printState } from '../../src/state/print.ts';
import { FakeEcho } from './echo.ts';
import { FakeKernel } from './kernel.ts';
import type { FakeNamespace } from './namespace.ts';
import { FakeMachine } from './namespace.ts';
import { FakeFiles } from './store-files.ts';

export type FakeAgentOptions = {
  readonly nodeName: string;
  readonly address: Ip;
  readonly clock: Clock;
  readonly source: () => Source;
};

const STORE = '/state/attachments';

const noRules: RunCommand = async () => ({ exitCode: 0, stdout: '{"nftables":[]}', stderr: '' });

function renameText(texts: Map<string, string>, name: string, to: string): void {
  texts.set(to, texts.get(name) ?? '');
  texts.delete(name);
}

type Running = {
  readonly agent: Agent;
  readonly stop: AbortController;
  readonly done: Promise<void>;
};

export class FakeAgent implements AsyncDisposable {
  readonly files = new FakeFiles();
  /** Texts of the snapshot by the file's name. */
  readonly snapshotTexts = new Map<string, string>();
  readonly snapshots: SnapshotFiles = {
    read: (name) => this.snapshotTexts.get(name),
    write: async (name, text) => void this.snapshotTexts.set(name, text),
    rename: (name, to) => renameText(this.snapshotTexts, name, to),
  };
  /** Whether the kernel refuses every change. */
  refuses = false;
  /** Whether the kernel cannot be read. */
  isUnreadable = false;
  /** Whether a probe is answered. */
  answers: (request: EchoRequest) => boolean = () => true;
  /** Its BIRD, and who speaks to it; by itself it has none. */
  bird: Pick<AgentParts, 'bird' | 'bgp'> = {};
  /** Whether it publishes its summary. */
  publishes = false;
  readonly metrics = new AgentMetrics();
  /** How often the kernel was read whole. */
  wholeReads = 0;
  #boots = 0;
  readonly #options: FakeAgentOptions;
  readonly #directory = mkdtempSync(join(tmpdir(), 'poplin-agent-'));
  /** How often nothing of Flannel was left. */
  flannelEnds = 0;
  #namespace: FakeNamespace;
  #running: Running | undefined;

  constructor(options: FakeAgentOptions) {
    this.#options = options;
    this.#namespace = this.#boot();
  }

  /** The node's own, as somebody else finds it too. */
  get namespace(): FakeNamespace {
    return this.#namespace;
  }

  get agent(): Agent {
    if (this.#running === undefined) throw new Error('the agent does not run');
    return this.#running.agent;
  }

  start(): void {
    const stop = new AbortController();
    const agent = this.#build();
    this.#running = { agent, stop, done: agent.run(stop.signal) };
  }

  async end(): Promise<void> {
    this.#running?.stop.abort();
    await this.#running?.done;
    this.#running = undefined;
  }

  /** The kernel forgets everything, the disk nothing. */
  async reboot(): Promise<void> {
    await this.end();
    this.#namespace = this.#boot();
  }

  /** What the kernel holds, as text. */
  text(): string {
    const scope = { sysctls: [], routeProtocol: OWN_PROTOCOL, rulePriority: PROBE_TABLE };
    const kernel = new FakeKernel(this.#namespace);
    return printState(kernel.read({ ...scope, nft: true, ownsLink }));
  }

  /** Takes a route to a peer away without a notification, and returns its destination. */
  takeRouteUnnoticed(): string {
    const { routes } = this.#namespace;
    const [key = '', route] = [...routes].find(([, { via }]) => via.kind === 'nexthop') ?? [];
    assert.ok(routes.delete(key) && route !== undefined, 'there is no route to a peer');
    return route.destination;
  }

  /** A pod as ADD leaves it: its file, and its host veth; the agent is started anew for it. */
  async attach(attachment: Attachment): Promise<void> {
    await this.end();
    const { hostLink, hostMac, ifName, podMac, linkMtuBytes, netns } = attachment;
    const name = renderFileName({ hostLink, isPending: false, addresses: attachment.addresses });
    this.files.contents.set(`${STORE}/${name}`, renderAttachment(attachment));
    const peer = { name: ifName, mac: podMac, mtuBytes: linkMtuBytes, netns };
    const rest = { up: true, mtuBytes: linkMtuBytes, mac: hostMac, group: 0, alias: '' };
    this.#namespace.links.set(hostLink, { kind: 'veth', name: hostLink, ...rest, peer });
    this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    rmSync(this.#directory, { recursive: true });
  }

  #publisher(source: Source): SummaryPublisher {
    const { clock } = this.#options;
    return new SummaryPublisher({ source, clock, log: silentLog, random: () => 0.5 });
  }

  #boot(): FakeNamespace {
    this.#boots += 1;
    const namespace = new FakeMachine().namespace('node');
    const common = { kind: 'other', driver: '', name: 'eth0', up: true, mtuBytes: 1500 } as const;
    const rest = { mac: '02:00:00:00:ee:01' as never, group: 0, alias: '' };
    namespace.links.set('eth0', { ...common, ...rest });
    const { address } = this.#options;
    const entry = { link: 'eth0', address, lengthBits: 24, scope: 'global', protocol: 0 } as const;
    namespace.addresses.set(`eth0 ${address}/24`, entry);
    return namespace;
  }

  #build(): Agent {
    const { nodeName, clock, source: makeSource } = this.#options;
    const log = silentLog;
    const source = makeSource();
    const kernel = new FakeKernel(this.#namespace);
    const times = Number.POSITIVE_INFINITY;
    kernel.inject({ matches: () => this.refuses, times, effect: 'fail' });
    const read = kernel.read.bind(kernel);
    kernel.read = (scope) => {
      if (scope.aside !== true) this.wholeReads += 1;
      if (!this.isUnreadable) return read(scope);
      throw new AppError('NETLINK', 'read routes', 'it changes faster than it can be read');
    };
    const directory = STORE;
    const store = new AttachmentStore({ directory, files: this.files, clock, log });
    const pods = new Pods(store, () => undefined);
    const machine = `machine of ${this.#directory}`;
    const stateDir = this.#directory;
    const echo = new FakeEcho(clock);
    const answers = (request: EchoRequest): boolean => this.answers(request);
    echo.answers = answers;
    const prober = new PathProber({ echo, clock, random: () => 0.5 });
    const retune = async () => ({ kind: 'unwanted' as const });
    const podMtus = new PodMtus({ store, retune, clock, log });
    const flannel = new FlannelMove({
      ...{ kernel, clock, log, nodeName, hasConflist: false },
      onEnd: () => {
        this.flannelEnds += 1;
      },
    });
    return new Agent({
      version: 'test',
      ...{ prober, podMtus, flannel },
      ...{ nodeName, kernel, source, pods, clock, log },
      remakePod: async () => ({ kind: 'unwanted' }),
      reconciler: new Reconciler({
        ...{ kernel, clock, log, nodeName, machine },
        originals: new OriginalSysctls(stateDir, 'boot', log),
        attachments: (state) => pods.standing(state),
        verdicts: () => prober.verdicts,
        underlayMtus: () => prober.underlayMtus,
        holdProbes: (turns) => prober.hold(turns),
        pendingLinks: () => pods.pendingLinks(),
        pendingAddresses: () => pods.pendingAddresses(),
        flannel,
      }),
      config: new ConfigKeeper({ stateDir, nodeAddresses: () => [], log }),
      leases: new LeaseKeeper({ source, machine, clock, log }),
      snapshots: new SnapshotKeeper({
        files: this.snapshots,
        owner: { node: nodeName, machine },
        bootId: `boot ${this.#boots}`,
        ...{ clock, log },
      }),
      // A real disk takes real time, which the fake clock does not wait for.
      files: { write: async () => undefined },
      foreignRules: new ForeignRules({ run: noRules, clock, log }),
      announcer: new Announcer(source, clock, log),
      metrics: this.metrics,
      ...this.bird,
      ...(this.publishes ? { summaries: this.#publisher(source) } : {}),
    });
  }
}
