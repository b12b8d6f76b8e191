// One life of the agent: the production parts put together as src/cli/agent.ts does, over a clock,
// a kernel, a disk and an API of the simulation. It ends by being told to stop, or by a crash,
// after which nothing of it ever runs again.

import { Agent } from '../../src/agent/agent.ts';
import { Announcer } from '../../src/agent/announcer.ts';
import { ConfigKeeper } from '../../src/agent/config-keeper.ts';
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
import type { CniFrame, CniReply } from '../../src/cni/frame.ts';
import type { RetuneOutcome, RetuneRequest } from '../../src/cni/retune.ts';
import { CniService } from '../../src/cni/service.ts';
import { AttachmentStore } from '../../src/cni/store.ts';
import { AppError } from '../../src/lib/errors.ts';
import { KubernetesSource } from '../../src/source/kubernetes/source.ts';
import type { Op } from '../../src/state/op.ts';
import type { FakeKernel } from '../fake/kernel.ts';
import { rulesetJson } from '../fake/ruleset.ts';
import { SimApiClient } from './api-client.ts';
import type { SimApiServer } from './api-server.ts';
import type { SimSpeaker } from './birds.ts';
import type { SimTime } from './clock.ts';
import { ProcessClock } from './clock.ts';
import { SimEcho } from './echo.ts';
import type { Fabric } from './fabric.ts';
import { SimKernel } from './kernel.ts';
import type { SimMachine } from './machine.ts';
import type { Mutations } from './mutations.ts';
import { verdictsBy } from './mutations.ts';
import type { Random } from './random.ts';
import type { Trace } from './trace.ts';

export type AgentProcessParts = {
  readonly machine: SimMachine;
  readonly server: SimApiServer;
  readonly time: SimTime;
  readonly random: Random;
  readonly trace: Trace;
  readonly mutations: Mutations;
  readonly fabric: Fabric;
  readonly bgp: SimSpeaker | undefined;
  /** Around each change of the kernel. */
  readonly beforeOp: (machine: SimMachine, op: Op) => void;
  readonly beforePodOp: (machine: SimMachine) => void;
  readonly onOp: (machine: SimMachine, op: Op) => void;
  readonly onViolation: (text: string) => void;
};

/** A world in which pods come and go fast: their runtimes try again soon. */
const READY_TIMEOUT_MS = 500;
const SUBNET_REST_MS = 4_000;
const DISK_MS = 3;

export class AgentProcess {
  readonly kernel: SimKernel;
  readonly client: SimApiClient;
  readonly agent: Agent;
  readonly #parts: AgentProcessParts;
  readonly #clock: ProcessClock;
  readonly #service: CniService;
  readonly #source: KubernetesSource;
  readonly #stopping = new AbortController();
  #isDead = false;

  constructor(parts: AgentProcessParts) {
    const { machine, time, random, server, trace, mutations } = parts;
    this.#parts = parts;
    this.#clock = new ProcessClock(time, machine.bootedAtMs);
    this.kernel = new SimKernel({
      namespace: machine.host,
      isDead: () => this.#isDead,
      beforeOp: (op) => parts.beforeOp(machine, op),
      onOp: (op) => this.#onOp(op),
      onCrash: (where) => {
        trace.add(machine.id, `agent crashes ${where}`);
        this.kill();
      },
    });
    this.client = new SimApiClient({
      ...{ server, trace, mutations, clock: this.#clock },
      weather: machine.weather,
      random: random.split('client'),
      who: machine.id,
      onSilenceEnd: () => {
        machine.disturbedAtMs = time.nowMs;
      },
    });
    const sourceRandom = random.split('source');
    const log = trace.logOf(machine.id);
    this.#source = new KubernetesSource({
      client: this.client,
      clock: this.#clock,
      log,
      random: () => sourceRandom.next(),
      nodeName: machine.nodeName,
    });
    const directory = '/state/attachments';
    const { files } = machine;
    const store = new AttachmentStore({ directory, files, clock: this.#clock, log });
    this.agent = this.#makeAgent(store);
    this.#service = this.#makeService(store);
    void this.#run();
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Whether everything has been listed, by this process. */
  get knowsCluster(): boolean {
    return !this.#isDead && this.#source.health().synced;
  }

  /** Whether it would hear of what changes now. */
  get hearsCluster(): boolean {
    return this.knowsCluster && !this.client.isDeaf;
  }

  /** As kubelet and systemd do it: the caller waits a moment before the next start. */
  stop(): void {
    this.#stopping.abort();
  }

  /** SIGKILL, or the power. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#clock.die();
    this.client.die();
    this.kernel.close();
    if (this.#parts.machine.process === this) this.#parts.machine.process = undefined;
  }

  call(frame: CniFrame, netns: number | undefined): Promise<CniReply> {
    return this.#service.handle(frame, netns);
  }

  async #run(): Promise<void> {
    const { trace, machine, onViolation } = this.#parts;
    try {
      await this.#service.replayTombstones();
      await this.agent.run(this.#stopping.signal);
      trace.add(machine.id, 'agent has stopped');
    } catch (error) {
      if (!this.#isDead) onViolation(`the agent of ${machine.id} failed: ${describe(error)}`);
    }
    this.kill();
  }

  #makeAgent(store: AttachmentStore): Agent {
    const { machine, trace, mutations, bgp } = this.#parts;
    const { nodeName, stateDir, id } = machine;
    const log = trace.logOf(id);
    const clock = this.#clock;
    const kernel = this.kernel;
    const pods = new Pods(store, (path) => machine.inodeAt(path));
    const prober = new PathProber({
      echo: new SimEcho(machine, this.#parts.fabric, clock),
      ...{ clock, random: () => 0.5 },
    });
    const reconciler = new Reconciler({
      ...{ kernel, clock, log, nodeName },
      machine: id,
      originals: new OriginalSysctls(stateDir, 'boot', log),
      attachments: (state) => pods.standing(state),
      verdicts: () => verdictsBy(mutations, prober),
      underlayMtus: () => prober.underlayMtus,
      bird: () => bgp?.life,
      holdProbes: (destinations) => prober.hold(destinations),
      pendingLinks: () => pods.pendingLinks(),
      pendingAddresses: () => pods.pendingAddresses(),
    });
    const nodeAddresses = () => machine.addresses.map(({ address }) => address);
    const ruleset = { exitCode: 0, stdout: JSON.stringify(rulesetJson([])), stderr: '' };
    const files = {
      write: async () => {
        machine.hasConflist = true;
      },
    };
    return new Agent({
      ...{ version: '0.0.0', nodeName, kernel, reconciler, prober, pods, clock, log, files },
      ...(bgp === undefined ? {} : { bgp, bird: bgp }),
      remakePod: (request) => this.#service.remake(request),
      podMtus: new PodMtus({ store, retune: (each) => this.#retune(store, each), clock, log }),
      source: this.#source,
      config: new ConfigKeeper({ stateDir, nodeAddresses, log }),
      leases: new LeaseKeeper({ source: this.#source, machine: id, clock, log }),
      snapshots: new SnapshotKeeper({
        files: this.#snapshotFiles(),
        owner: { node: nodeName, machine: id },
        bootId: machine.bootId,
        ...{ clock, log },
      }),
      foreignRules: new ForeignRules({ run: async () => ruleset, clock, log }),
      announcer: new Announcer(this.#source, clock, log),
      metrics: new AgentMetrics(),
      subnetRestMs: SUBNET_REST_MS,
    });
  }

  async #retune(store: AttachmentStore, request: RetuneRequest): Promise<RetuneOutcome> {
    if (!this.#parts.mutations.growsRoutesAlone) return this.#service.retune(request);
    const { linkMtuBytes, hostLink } = request.attachment;
    const outcome = await this.#service.retune({ ...request, linkMtuBytes });
    const attachment = store.findByLink(hostLink)?.attachment;
    // It believes that it has done it, or it would tell its peers of no more.
    if (attachment !== undefined) {
      store.replace(attachment, { ...attachment, linkMtuBytes: request.linkMtuBytes });
    }
    return outcome;
  }

  /** A disk takes a moment; who is killed meanwhile leaves the file as it was. */
  #snapshotFiles(): SnapshotFiles {
    const { snapshots } = this.#parts.machine;
    return {
      read: (name) => snapshots.get(name),
      write: async (name, text) => {
        await this.#clock.sleep(DISK_MS);
        snapshots.set(name, text);
      },
      // No simulated agent goes back to an older version.
      rename: (name) => void snapshots.delete(name),
    };
  }

  #makeService(store: AttachmentStore): CniService {
    const { machine, trace } = this.#parts;
    const { files } = machine;
    return new CniService({
      context: {
        store,
        host: this.kernel,
        openPodKernel: (descriptor) => this.#openPodKernel(descriptor),
        namespaces: {
          ownInode: () => machine.ownDescriptor(),
          inodeOf: (descriptor) => descriptor,
          hold: (descriptor) => ({
            path: machine.pathOf(descriptor) ?? 'gone',
            release: () => undefined,
          }),
          inodeAt: (path) => machine.inodeAt(path),
          open: (path, inode) => {
            if (machine.inodeAt(path) === inode) {
              return { descriptor: inode, close: () => undefined };
            }
            throw new AppError('NETNS', `open network namespace ${path}`, 'it is not there');
          },
        },
        readiness: () => this.agent.readiness(),
        clock: this.#clock,
        log: trace.logOf(machine.id),
        attachmentsChanged: () => this.agent.podsChanged(),
        tombstones: { directory: '/state/tombstones', files },
        readyTimeoutMs: READY_TIMEOUT_MS,
        stop: this.#stopping.signal,
      },
    });
  }

  /** What becomes of a pod that runs may be of concern to all paths. */
  #openPodKernel(descriptor: number): FakeKernel {
    const { machine, beforePodOp, onOp } = this.#parts;
    const kernel = machine.podKernel(descriptor);
    kernel.beforeOp = ({ verb }) => verb === 'change' && beforePodOp(machine);
    kernel.afterOp = (op) => op.verb === 'change' && onOp(machine, op);
    return kernel;
  }

  #onOp(op: Op): void {
    const { machine, onOp, onViolation } = this.#parts;
    if (op.verb === 'remove' && leadsToOthers(op) && !this.#source.health().synced) {
      onViolation(`${machine.id} removes a ${op.object} before the cluster is in sync`);
    }
    onOp(machine, op);
  }
}

/** What only the whole cluster can say: not the node's own subnets, nor its pods. */
export function leadsToOthers(op: Op): boolean {
  // All other links are pods', the one that shapes a pod's egress as well as its veth.
  if (op.object === 'link') return op.value.kind === 'vxlan';
  if (op.object === 'address') return op.value.link !== 'lo';
  if (op.object === 'route')
    return op.value.via.kind !== 'unreachable' && op.value.via.kind !== 'link';
  return true;
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
