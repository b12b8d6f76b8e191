// The lab's Kubernetes API as a process of its own. It lives in the machine's namespace, where the
// user's kubectl finds it on a loopback port, and listens on the fabric router as well, where the
// nodes find it. Of a real cluster only the second is needed: a relay. It ends by SIGTERM, or when
// the lab's directory is gone.

import { closeSync } from 'node:fs';
import { openNetns } from '../kernel/netns.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { writeWhole } from '../lib/whole-file.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrFamily } from '../net/cidr.ts';
import type { PodCidrRange } from './api/pod-cidr-allocator.ts';
import { startApiServer } from './api/server.ts';
import { relayedKubeconfig, startRelay } from './api-relay.ts';
import type { LabDirectory } from './lab-directory.ts';
import { netnsPath } from './netns.ts';
import type { LabPlan } from './plan.ts';
import { API_PORT } from './plan.ts';

const WATCH_INTERVAL_MS = 1_000;

/** What the controller-manager gives each node by default. */
const SUBNET_LENGTH_BITS = { ipv4: 24, ipv6: 64 } as const;

export type ApiProcessParts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly stop: AbortSignal;
};

/** Until `stop`, or until the lab's directory is gone. */
export async function runApiProcess(
  plan: LabPlan,
  directory: LabDirectory,
  parts: ApiProcessParts,
): Promise<void> {
  const { clock, stop } = parts;
  const { kubeconfig } = directory.mustRecord(plan.spec.name);
  const stopServing =
    kubeconfig === ''
      ? await serveEmbedded(plan, directory, parts)
      : await relay(plan, directory, { ...parts, kubeconfig });
  while (!stop.aborted && directory.exists()) await clock.sleep(WATCH_INTERVAL_MS, stop);
  await stopServing();
}

/** The nodes' kubeconfig, which `up` waits for, comes last. */
async function serveEmbedded(
  plan: LabPlan,
  directory: LabDirectory,
  { clock, log }: ApiProcessParts,
): Promise<() => Promise<void>> {
  const { withoutPodCidrs } = directory.mustRecord(plan.spec.name);
  // As where the controller-manager allocates nothing.
  const allocates = withoutPodCidrs !== true && plan.spec.subnetSource !== 'lease';
  const { fd } = openNetns(netnsPath(plan.fabricNetns));
  const server = await startApiServer({
    listeners: [
      { host: '127.0.0.1', port: 0 },
      { netns: fd, port: API_PORT },
    ],
    clock,
    log,
    podCidrRanges: allocates ? plan.spec.podNetworks.map(rangeOf) : [],
    namespaces: ['poplin'],
  });
  closeSync(fd);
  const [localPort = 0] = server.ports;
  writeWhole(directory.kubeconfig, renderKubeconfig(plan, `http://127.0.0.1:${localPort}`));
  writeWhole(directory.nodeKubeconfig, renderKubeconfig(plan, `http://${fabricAddress(plan)}`));
  log.info({ localPort }, 'the Kubernetes API is there');
  return () => server.stop();
}

async function relay(
  plan: LabPlan,
  directory: LabDirectory,
  { log, kubeconfig }: ApiProcessParts & { readonly kubeconfig: string },
): Promise<() => Promise<void>> {
  const { text, target } = await relayedKubeconfig(kubeconfig, fabricAddress(plan));
  const { fd } = openNetns(netnsPath(plan.fabricNetns));
  const stopRelay = await startRelay({ target, netns: fd, port: API_PORT, log });
  closeSync(fd);
  writeWhole(directory.nodeKubeconfig, text);
  log.info({ target }, 'the Kubernetes API is relayed');
  return async () => stopRelay();
}

const fabricAddress = ({ apiAddress }: LabPlan): string =>
  apiAddress.includes(':') ? `[${apiAddress}]:${API_PORT}` : `${apiAddress}:${API_PORT}`;

const rangeOf = (cluster: Cidr): PodCidrRange => ({
  cluster,
  subnetLengthBits: SUBNET_LENGTH_BITS[cidrFamily(cluster)],
});

function renderKubeconfig({ spec }: LabPlan, server: string): string {
  const name = `poplin-lab-${spec.name}`;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    // Plain HTTP, which the official client refuses unless it is told to trust anybody.
    clusters: [{ name, cluster: { server, 'insecure-skip-tls-verify': true } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    users: [{ name, user: {} }],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
