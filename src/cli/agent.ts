// `poplin agent`: builds the real effects, connects them to the parts of the agent, and runs until
// SIGTERM or SIGINT. Nothing is torn down at the end: pods go on, and the next agent takes over.

import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { Agent } from '../agent/agent.ts';
import { traceOf, writeTrace } from '../agent/agent-trace.ts';
import { Announcer } from '../agent/announcer.ts';
import { birdFiles } from '../agent/bird-files.ts';
import { BirdPasswords, readPasswords } from '../agent/bird-passwords.ts';
import { BirdSpeaker } from '../agent/bird-speaker.ts';
import { CniCalls } from '../agent/cni-calls.ts';
import { ConfigKeeper } from '../agent/config-keeper.ts';
import { FlannelMove } from '../agent/flannel-move.ts';
import { ForeignRules } from '../agent/foreign-rules.ts';
import { HeapKeeper } from '../agent/heap-keeper.ts';
import { LeaseKeeper } from '../agent/lease-keeper.ts';
import { readMachineId } from '../agent/machine-id.ts';
import { AgentMetrics } from '../agent/metrics.ts';
import { NodeFiles } from '../agent/node-files.ts';
import type { AgentOptions } from '../agent/options.ts';
import { OriginalSysctls } from '../agent/original-sysctls.ts';
import { PathProber } from '../agent/path-prober.ts';
import type { RetunePod } from '../agent/pod-mtus.ts';
import { PodMtus } from '../agent/pod-mtus.ts';
import type { RemakePod } from '../agent/pod-repair.ts';
import { Pods } from '../agent/pods.ts';
import { Reconciler } from '../agent/reconciler.ts';
import { snapshotFiles } from '../agent/snapshot-files.ts';
import { SnapshotKeeper } from '../agent/snapshot-keeper.ts';
import { SummaryPublisher } from '../agent/summary-publisher.ts';
import type { CniContext } from '../cni/context.ts';
import { dropSetAside, flannelConflists, setAsideIn } from '../cni/flannel-conflist.ts';
import { HostLocal } from '../cni/host-local.ts';
import { systemNamespaces } from '../cni/namespaces.ts';
import { readRuntimeCache } from '../cni/runtime-cache.ts';
import { CniServer } from '../cni/server.ts';
import type { CniCall } from '../cni/service.ts';
import { CniService } from '../cni/service.ts';
import { AttachmentStore } from '../cni/store.ts';
import { systemFiles } from '../cni/store-files.ts';
import { isOfFlannel } from '../desired/flannel-remains.ts';
import { EchoSocket } from '../kernel/echo-socket.ts';
import type { Kernel, ReadScope } from '../kernel/kernel.ts';
import { openKernel } from '../kernel/linux.ts';
import { NetnsRegistry } from '../kernel/netns.ts';
import { runCommand } from '../kernel/run-command.ts';
import { Workspace } from '../kernel/workspace.ts';
import { readBootId } from '../lib/boot-id.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { createLog } from '../lib/log.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { Source } from '../source/source.ts';
import { OWN_PROTOCOL, ownsAddress, PROBE_MARK, PROBE_TABLE } from '../state/own.ts';
import { listenAdmin, viewsOf } from './admin-views.ts';
import { parseAgentOptions } from './agent-options.ts';
import { buildBird } from './build-bird.ts';
import type { CommandIo } from './io.ts';
import { EXIT_OK } from './io.ts';
import type { OpenedSource } from './open-source.ts';
import { openSource } from './open-source.ts';
import { processHeap } from './process-heap.ts';
import { raisePriority } from './process-priority.ts';
import { VERSION } from './version.ts';

/** How long an ADD waits for the node to be ready; the runtime's own limit is 4 minutes. */
const ADD_READY_TIMEOUT_MS = 20_000;

const LINKS_AND_ADDRESSES: ReadScope = {
  sysctls: [],
  routeProtocol: OWN_PROTOCOL,
  rulePriority: PROBE_TABLE,
  nft: false,
  ownsLink: () => false,
  aside: true,
};

export async function agentCommand(args: readonly string[], _io: CommandIo): Promise<number> {
  const options = parseAgentOptions(args, process.env);
  const log = createLog(options.logLevel, { node: options.nodeName });
  const stop = stopOnSignals(log);
  for (const directory of [options.stateDir, options.runDir]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  writeTrace(options.runDir, traceOf(options, process.pid));
  log.info({ version: VERSION }, 'starting');
  raisePriority(log);
  const parts = await buildParts(options, log, stop);
  const servers = await parts.listen();
  const heapKeeper = new HeapKeeper({ heap: processHeap(), clock: systemClock });
  await Promise.all([parts.agent.run(stop), heapKeeper.run(stop)]);
  await parts.cniServer.close();
  for (const server of servers) server.close();
  parts.close();
  log.info('stopped; the data plane stays as it is');
  return EXIT_OK;
}

function stopOnSignals(log: Log): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping');
      controller.abort();
    });
  }
  return controller.signal;
}

async function buildParts(options: AgentOptions, log: Log, stop: AbortSignal) {
  const { stateDir, runDir, procSys } = options;
  const [clock, socketPath] = [systemClock, join(runDir, 'cni.sock')];
  const registry = new NetnsRegistry();
  const common = { procSysRoot: procSys, netnsRegistry: registry, workspace: new Workspace(), log };
  const kernel = openKernel(common);
  const { source, addressesGone } = await openSource(options, log);
  const directory = join(stateDir, 'attachments');
  const addressRestMs = options.addressRestSeconds * 1000;
  const files = systemFiles;
  const { flannel, hostLocal } = buildFlannel(options, kernel, log);
  const foreignAddresses = (): ReadonlySet<Ip> => hostLocal.addresses();
  const storing = { directory, files, clock, log, addressRestMs, foreignAddresses };
  const store = new AttachmentStore(storing);
  const metrics = new AgentMetrics();
  const cniCalls = new CniCalls(clock);
  const namespaces = systemNamespaces(registry);
  const pods = new Pods(store, namespaces.inodeAt);
  // Nothing is made again before the agent runs, and the service is there by then.
  const remakePod: RemakePod = (request) => service.remake(request);
  const retune: RetunePod = (request) => service.retune(request);
  const podMtus = new PodMtus({ store, retune, clock, log });
  const echo = new EchoSocket({ mark: PROBE_MARK, identifier: process.pid });
  const prober = new PathProber({ echo, clock, random: Math.random });
  const agent = buildAgent(options, {
    ...{ kernel, prober, source, addressesGone, pods, remakePod, podMtus },
    ...{ metrics, cniCalls, flannel, log },
  });
  metrics.status.follow(() => agent.status());
  const context: CniContext = {
    store,
    host: kernel,
    openPodKernel: (netns) => openKernel({ ...common, netns, isBrief: true }),
    namespaces,
    readiness: () => {
      const reason = hostLocal.problem();
      return reason === undefined ? agent.readiness() : { kind: 'not-ready', reason };
    },
    hostLocal,
    clock,
    log,
    attachmentsChanged: () => agent.podsChanged(),
    tombstones: { directory: join(stateDir, 'tombstones'), files },
    readyTimeoutMs: ADD_READY_TIMEOUT_MS,
    stop,
  };
  const onCall = (call: CniCall): void => {
    metrics.cniCall(call);
    cniCalls.record(call);
  };
  const service = new CniService({ context, onCall });
  const cniServer = new CniServer({
    socketPath,
    clock,
    log,
    prepare: async () => {
      await service.replayTombstones();
      const cache = readRuntimeCache(options.cniCacheDir, log);
      if (cache !== undefined) metrics.orphansReleased(await service.releaseOrphans(cache));
    },
    handle: (frame, netns) => service.handle(frame, netns),
  });
  const views = viewsOf({ options, agent, source, prober, metrics, socketPath });
  const listen = async (): Promise<Server[]> => {
    await cniServer.start();
    return listenAdmin(options, views);
  };
  return { agent, cniServer, listen, close: () => kernel.close() };
}

type AgentEffects = {
  readonly kernel: Kernel;
  readonly prober: PathProber;
  readonly source: Source;
  readonly addressesGone: OpenedSource['addressesGone'];
  readonly pods: Pods;
  readonly remakePod: RemakePod;
  readonly podMtus: PodMtus;
  readonly metrics: AgentMetrics;
  readonly cniCalls: CniCalls;
  readonly flannel: FlannelMove;
  readonly log: Log;
};

/** What of Flannel may be on this node, and the addresses that its pods have. */
function buildFlannel(options: AgentOptions, kernel: Kernel, log: Log) {
  const { nodeName, cniConfDir, hostLocalDir } = options;
  const conflists = [...flannelConflists(cniConfDir), ...setAsideIn(cniConfDir)];
  const flannel = new FlannelMove({
    ...{ kernel, clock: systemClock, log, nodeName, hasConflist: conflists.length > 0 },
    onEnd: () => dropSetAside(cniConfDir),
  });
  const podCount = (): number | undefined => flannel.bridge?.ports.length;
  return { flannel, hostLocal: new HostLocal({ directory: hostLocalDir, podCount, log }) };
}

function buildAgent(options: AgentOptions, effects: AgentEffects): Agent {
  const { kernel, prober, source, addressesGone, pods, metrics, flannel, log } = effects;
  const { nodeName, stateDir, runDir, cniConfDir } = options;
  const clock = systemClock;
  const bootId = readBootId();
  const nodeAddresses = (networks: readonly Cidr[]): Ip[] => foreignAddresses(kernel, networks);
  const machine = readMachineId(options.machineIdFile);
  const reconciler = new Reconciler({
    kernel,
    clock,
    log,
    nodeName,
    machine,
    underlayWish: options.underlay,
    addressesGone,
    originals: new OriginalSysctls(stateDir, bootId, log),
    attachments: (state) => pods.standing(state),
    verdicts: () => prober.verdicts,
    underlayMtus: () => prober.underlayMtus,
    holdProbes: (turns) => prober.hold(turns),
    pendingLinks: () => pods.pendingLinks(),
    pendingAddresses: () => pods.pendingAddresses(),
    bird: () => bgp.life,
    flannel,
  });
  const bird = buildBird(options, { metrics: metrics.bird, speaker: () => bgp, log });
  const bgp: BirdSpeaker = new BirdSpeaker({
    nodeName,
    view: () => bird.view,
    tracks: () => prober.tracks,
    readGood: birdFiles(options.birdDir).readGood,
    passwords: new BirdPasswords((keys) => readPasswords(options.bgpPasswordsDir, keys)),
    hint: () => bird.hint(),
    clock,
    log,
  });
  return new Agent({
    version: VERSION,
    nodeName,
    kernel,
    source,
    reconciler,
    prober,
    config: new ConfigKeeper({ stateDir, nodeAddresses, log }),
    leases: new LeaseKeeper({ source, machine, clock, log }),
    snapshots: new SnapshotKeeper({
      files: snapshotFiles(stateDir),
      owner: { node: nodeName, machine },
      bootId,
      clock,
      log,
    }),
    pods,
    remakePod: effects.remakePod,
    podMtus: effects.podMtus,
    files: new NodeFiles({ runDir, cniConfDir }),
    foreignRules: new ForeignRules({ run: runCommand, clock, log }),
    announcer: new Announcer(source, clock, log),
    bird,
    bgp,
    metrics,
    cniCalls: effects.cniCalls,
    flannel,
    summaries: new SummaryPublisher({ source, clock, log, random: Math.random }),
    clock,
    log,
    subnetRestMs: options.subnetRestSeconds * 1000,
  });
}

/** Addresses of this node that a pod network must not hold: not loopback's, nor a network's own. */
function foreignAddresses(kernel: Kernel, networks: readonly Cidr[]): Ip[] {
  const { addresses, links } = kernel.read(LINKS_AND_ADDRESSES);
  const isOfPods = (name: string): boolean => {
    const link = links.get(name);
    return name === 'lo' || (link !== undefined && isOfFlannel(link));
  };
  return [...addresses.values()]
    .filter((address) => !isOfPods(address.link) && !ownsAddress(address, networks))
    .filter(({ scope }) => scope === 'global')
    .map(({ address }) => address);
}
