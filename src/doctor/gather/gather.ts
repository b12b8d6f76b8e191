// Gathers everything that the checks judge by. Each fact is gathered for itself: what cannot be
// learned is unknown, with the reason, and hinders nothing else. Nothing on the node is changed.

import { fetchStatus } from '../../agent/admin-client.ts';
import type { Status } from '../../agent/status.ts';
import type { Config } from '../../config/config.ts';
import { parseRuleset } from '../../desired/nft-ruleset.ts';
import type { RunCommand } from '../../kernel/foreign-firewall.ts';
import { readRuleset } from '../../kernel/foreign-firewall.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import type { Ip } from '../../net/ip.ts';
import type { KernelState } from '../../state/kernel-state.ts';
import { ownsLink } from '../../state/own.ts';
import { strictLinks } from '../checks/rp-filter.ts';
import type { DroppedByFilter, Facts, Known } from '../facts.ts';
import { known, unknown } from '../facts.ts';
import { askApi } from './api.ts';
import { readCniFiles } from './cni-files.ts';
import { readFiltered, WATCH_MS, watchChecksums } from './counters.ts';
import { askEtcd } from './etcd.ts';
import { tryFeatures } from './features.ts';
import { readKernel } from './kernel.ts';
import { findDuplicates, pingNodes } from './network.ts';
import type { Places } from './places.ts';
import { readKubeProxyArguments, readUdpSockets } from './sockets.ts';
import { readAttachments, readConfig, readPeers } from './state-files.ts';

export type GatherParts = {
  readonly places: Places;
  readonly clock: Clock;
  readonly run: RunCommand;
  /** Of this process, for its pings. */
  readonly identifier: number;
};

const STATUS_TIMEOUT_MS = 5_000;
const DEFAULT_PORT = 8472;

export async function gatherFacts(parts: GatherParts): Promise<Facts> {
  const { places, clock, run } = parts;
  const agent = await askAgent(places.runDir);
  const config = readConfig(places.stateDir);
  const node = agent.known ? agent.value.node : places.nodeName;
  const peers = readPeers(places.stateDir, node);
  const kernel = readKernel(places.procSys);
  const filter = watchFilter(kernel, clock);
  const checksumWatch = watchChecksums(readAttachments(places.stateDir), clock);
  const silent = new Set(agent.known ? agent.value.silent.map(({ peer }) => peer) : []);
  const silentPeers = (peers.known ? peers.value : []).filter(({ name }) => silent.has(name));
  const [rules, api, pings, duplicates, features, droppedByFilter, checksums] = await Promise.all([
    readRules(run),
    places.datastore === 'etcd' ? askEtcd(places.etcd, clock) : askApi(places, clock),
    pingNodes(silentPeers, parts),
    findDuplicates(ownAddresses(agent, kernel), kernel, clock),
    tryFeatures({ run, config, procSys: places.procSys }),
    filter,
    checksumWatch,
  ]);
  return {
    ...{ node, agent, config, peers, kernel, rules, api, pings, duplicates, features },
    ...{ droppedByFilter, checksums },
    datastore: places.datastore,
    udpSockets: readUdpSockets(new Set([portOf(config)])),
    cniFiles: readCniFiles(places.cniConfDir),
    kubeProxy: readKubeProxyArguments(),
  };
}

async function askAgent(runDir: string): Promise<Known<Status>> {
  try {
    return known(await fetchStatus(runDir, STATUS_TIMEOUT_MS));
  } catch (error) {
    return unknown(describeError(error));
  }
}

const portOf = (config: Known<Config>): number =>
  config.known && config.value.backend.type !== 'host-gw'
    ? config.value.backend.portNumber
    : DEFAULT_PORT;

async function readRules(run: RunCommand): Promise<Facts['rules']> {
  try {
    return known(parseRuleset(await readRuleset(run)));
  } catch (error) {
    return unknown(`the rules of nftables cannot be read: ${describeError(error)}`);
  }
}

async function watchFilter(
  kernel: Known<KernelState>,
  clock: Clock,
): Promise<Known<DroppedByFilter>> {
  const before = readFiltered();
  const isStrict = kernel.known && strictLinks(kernel.value).length > 0;
  if (before === 0 || !isStrict) return known({ total: before, meanwhile: 0 });
  await clock.sleep(WATCH_MS);
  const total = readFiltered();
  return known({ total, meanwhile: total - before });
}

/** That peers reach this node by; those of its VXLAN devices, where no agent says. */
function ownAddresses(agent: Known<Status>, kernel: Known<KernelState>): readonly Ip[] {
  if (agent.known) return agent.value.underlay.map(({ address }) => address as Ip);
  if (!kernel.known) return [];
  return [...kernel.value.links.values()].flatMap((link) =>
    link.kind === 'vxlan' && ownsLink(link.name) ? [link.local] : [],
  );
}
