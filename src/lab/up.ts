// Brings a lab up, step by step: namespaces, API, cluster objects, agents, pods. What an earlier
// lab of the same name left behind is removed first, so that an interrupted run needs no cleaning
// up.

import { existsSync, rmSync } from 'node:fs';
import type { Clock } from '../lib/clock.ts';
import { AppError } from '../lib/errors.ts';
import { prepareNode, startAgent } from './agents.ts';
import { startSidecar } from './bird.ts';
import type { NetConf } from './cluster-api.ts';
import { labelsOf, netConfOf } from './cluster-api.ts';
import type { RunCommand } from './command.ts';
import { familyCountOf } from './configured-families.ts';
import type { LabDatastore } from './datastore.ts';
import { openDatastore } from './datastore.ts';
import { leftoversOf, takeDown } from './down.ts';
import { startEtcd } from './etcd.ts';
import type { LabRecord } from './lab-directory.ts';
import { LabDirectory } from './lab-directory.ts';
import { untilSettled } from './node-status.ts';
import type { LabPlan } from './plan.ts';
import { planLab } from './plan.ts';
import { attachPod } from './pods.ts';
import { isAlive, startProcess } from './processes.ts';
import { bgpConfOf, nodeLabels } from './racks.ts';
import { startRouters } from './routers.ts';
import { makeUnderlay } from './underlay.ts';

export type LabEffects = {
  readonly run: RunCommand;
  readonly clock: Clock;
  /** One line of progress. */
  readonly say: (line: string) => void;
};

export type UpOptions = LabRecord & {
  /** The CNI executable to install on each node. */
  readonly executable: string;
  readonly timeoutMs?: number;
  /** Keys of net-conf.json besides those that follow from the specification. */
  readonly netConf?: NetConf;
  /** false: returns when the agents are started, without waiting for them and without pods. */
  readonly settles?: boolean;
};

/** They bound what hangs, also on a machine that is busy. */
const API_TIMEOUT_MS = 60_000;
const SETTLE_TIMEOUT_MS = 120_000;
const POLL_MS = 20;

export async function bringUp(options: UpOptions, effects: LabEffects): Promise<LabPlan> {
  const { spec, program, kubeconfig } = options;
  const plan = planLab(spec);
  const directory = new LabDirectory(spec.name);
  if (leftoversOf(spec.name, directory)) {
    effects.say(`removing what an earlier lab "${spec.name}" left`);
    await takeDown(spec.name, effects);
  }
  const { withoutPodCidrs = false, netConf = {}, datastore, bird } = options;
  const which = {
    ...(datastore === undefined ? {} : { datastore }),
    ...(bird === undefined ? {} : { bird }),
  };
  directory.create({ spec, program, kubeconfig, withoutPodCidrs, ...which });

  effects.say(`underlay: ${spec.underlay}, ${spec.nodeCount} nodes`);
  await makeUnderlay(effects.run, plan);
  if (datastore === 'etcd') {
    effects.say('etcd: a real one');
    await startEtcd(plan, directory, effects.clock);
  } else {
    await startApi(plan, directory, { record: options, effects });
  }
  const store = await openDatastore(directory, options);
  await createObjects(store, plan, netConf);

  await startRouters(effects.run, plan, { directory, ...which });
  effects.say(`agents: ${spec.nodeCount}, backend ${spec.backend}`);
  for (const node of plan.nodes) {
    await prepareNode(directory, node, options.executable);
    startSidecar(directory, node, options);
    startAgent(directory, node, options);
  }
  if (options.settles === false) return plan;
  await untilSettled(
    directory,
    {
      nodeNames: plan.nodes.map(({ name }) => name),
      familyCount: familyCountOf(await store.netConfText(), plan),
      timeoutMs: options.timeoutMs ?? SETTLE_TIMEOUT_MS,
    },
    effects.clock,
  );
  await attachPods(plan, directory, effects);
  return plan;
}

/** Starts the embedded API and waits until it answers; it remembers nothing of one before it. */
export async function startApi(
  plan: LabPlan,
  directory: LabDirectory,
  { record, effects }: { readonly record: LabRecord; readonly effects: LabEffects },
): Promise<void> {
  const { program, kubeconfig } = record;
  effects.say(`Kubernetes API: ${kubeconfig === '' ? 'embedded' : `the one of ${kubeconfig}`}`);
  // What one before it has left says where nobody listens.
  rmSync(directory.nodeKubeconfig, { force: true });
  const argv = [...program, 'lab', 'api-server', '--name', plan.spec.name];
  const api = startProcess(argv, directory.apiLogFile);
  directory.rememberProcess('api', api);
  const endMs = effects.clock.monotonicMs() + API_TIMEOUT_MS;
  while (!existsSync(directory.nodeKubeconfig)) {
    if (!isAlive(api) || effects.clock.monotonicMs() > endMs) {
      const why = `it did not start; see ${directory.apiLogFile}`;
      throw new AppError('LAB', 'start the Kubernetes API', why);
    }
    await effects.clock.sleep(POLL_MS);
  }
}

/** What a cluster has before any agent comes: the configuration and the Nodes. */
export async function createObjects(
  datastore: LabDatastore,
  plan: LabPlan,
  netConf: NetConf,
): Promise<void> {
  const labels = labelsOf(plan.spec.name);
  const bgp = bgpConfOf(plan);
  const whole = { ...netConfOf(plan.spec), ...(bgp === undefined ? {} : { BGP: bgp }), ...netConf };
  await datastore.createNetConf(`${JSON.stringify(whole, null, 2)}\n`, labels);
  for (const node of plan.nodes) {
    await datastore.createNode(node.name, node.addresses, {
      metadata: { labels: { ...labels, ...nodeLabels(plan, node) } },
    });
  }
}

async function attachPods(
  plan: LabPlan,
  directory: LabDirectory,
  { run, say }: LabEffects,
): Promise<void> {
  if (plan.pods.length === 0) return;
  say(`pods: ${plan.pods.length}`);
  for (const node of plan.nodes) {
    for (const pod of plan.pods.filter((candidate) => candidate.node === node.name)) {
      await attachPod(run, directory, { node, pod });
    }
  }
}
