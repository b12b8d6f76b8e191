// What concerns several keys of `BGP`, and the settings that come of it. It is checked whatever the
// backend is, so that a configuration can be made ready before the backend is changed to `bgp`.

import type { Cidr } from '../net/cidr.ts';
import { overlaps, parseCidr } from '../net/cidr.ts';
import { parseIp } from '../net/ip.ts';
import { nodesOf, nodesProblems } from './bgp-nodes.ts';
import { bringsPods, communitiesOf, peerOf, peersProblems } from './bgp-peers.ts';
import type { BgpConf } from './bgp-schema.ts';
import type { BgpSettings } from './bgp-settings.ts';
import type { ConfigProblem } from './config.ts';
import { reservedUse } from './prefix-text.ts';
import { problem } from './problems.ts';

export function bgpProblems(conf: BgpConf, networks: readonly Cidr[]): readonly ConfigProblem[] {
  const serviceRanges = serviceRangesOf(conf);
  return [
    ...nodesProblems(conf),
    ...rangesProblems(conf, networks),
    ...peersProblems(conf, { networks, serviceRanges }),
    ...isolationProblems(conf, networks),
  ];
}

export function bgpSettingsOf(conf: BgpConf): BgpSettings {
  const { RouteReflectors: reflectors, NodePasswordSecret: secret } = conf;
  const clusterId = parseIp(reflectors?.ClusterID ?? '');
  return {
    as: conf.AS,
    nodeAs: conf.NodeAS.map((entry) => ({ nodes: nodesOf(entry), as: entry.AS })),
    portNumber: conf.Port,
    fullMesh: conf.FullMesh,
    ...(reflectors === undefined
      ? {}
      : {
          reflectors: {
            nodes: nodesOf(reflectors),
            ...(clusterId === undefined ? {} : { clusterId }),
          },
        }),
    ...(secret === undefined ? {} : { nodePassword: { secret: secret.Name, key: secret.Key } }),
    peers: conf.Peers.flatMap((peer) => peerOf(peer) ?? []),
    communities: communitiesOf(conf.Communities),
    serviceRanges: serviceRangesOf(conf),
    gracefulRestart: {
      waitSeconds: conf.GracefulRestart.WaitSeconds,
      restartSeconds: conf.GracefulRestart.RestartSeconds,
    },
    bfd: { intervalMs: conf.BFD.IntervalMs, multiplier: conf.BFD.Multiplier },
    ecmpPaths: conf.ECMPPaths,
  };
}

const RANGE_KEYS = ['ClusterIP', 'External', 'LoadBalancer'] as const;

const serviceRangesOf = ({ ServiceRanges: ranges }: BgpConf): readonly Cidr[] =>
  RANGE_KEYS.flatMap((name) => ranges[name].flatMap((text) => parseCidr(text) ?? []));

function rangesProblems(
  { ServiceRanges: ranges }: BgpConf,
  networks: readonly Cidr[],
): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const seen = new Map<Cidr, string>();
  for (const name of RANGE_KEYS) {
    for (const [index, text] of ranges[name].entries()) {
      const key = `BGP.ServiceRanges.${name}[${index}]`;
      const range = parseCidr(text);
      if (range === undefined) continue;
      const why = explainRange(range, networks, seen.get(range));
      if (why === undefined) seen.set(range, key);
      else problems.push(problem(key, range, why));
    }
  }
  return problems;
}

function explainRange(
  range: Cidr,
  networks: readonly Cidr[],
  same: string | undefined,
): string | undefined {
  if (same !== undefined) return `is given twice: it is ${same} too`;
  const network = networks.find((each) => overlaps(each, range));
  if (network !== undefined)
    return `overlaps ${network}, the range of the pods: services have others`;
  const reserved = reservedUse(range);
  return reserved && `overlaps ${reserved.range}, which is reserved for ${reserved.use}`;
}

/** Without any of the three no node would hear of another; nor by peers that may not tell of it. */
function isolationProblems(conf: BgpConf, networks: readonly Cidr[]): readonly ConfigProblem[] {
  if (conf.FullMesh || conf.RouteReflectors !== undefined) return [];
  if (conf.Peers.length === 0) {
    const why =
      'leaves the nodes without sessions: set it to true, or give RouteReflectors or Peers';
    return [problem('BGP.FullMesh', false, why)];
  }
  if (networks.length === 0 || conf.Peers.some((peer) => bringsPods(peer, networks))) return [];
  const why =
    'leaves the nodes without routes to each other, since no peer may bring any: set AcceptPods ' +
    'to true in the Peers that know them, or set FullMesh to true, or give RouteReflectors';
  return [problem('BGP.FullMesh', false, why)];
}
