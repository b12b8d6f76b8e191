// The status document: what `poplin status --json` prints and the admin socket serves. Its members
// are a contract (`schema: 1`): new ones may come, none changes its meaning. Built from what the
// parts of the agent last saw; asking for it touches neither the kernel nor the API.

import type { ConfigProblem } from '../config/config.ts';
import type { FamilyState } from '../desired/families.ts';
import type { PathVerdict, PeerPath } from '../desired/paths.ts';
import type { Cidr } from '../net/cidr.ts';
import type { SourceHealth } from '../source/source.ts';
import type { VxlanLink } from '../state/kernel-state.ts';
import { printOp } from '../state/print.ts';
import type { RecentEvent } from './announcer.ts';
import type { BgpSpeaker } from './bgp-speaker.ts';
import type { BirdView } from './bird-keeper.ts';
import type { BgpStatus } from './bird-status.ts';
import { bgpStatus } from './bird-status.ts';
import type { CniStatus } from './cni-calls.ts';
import type { ConfigKeeper } from './config-keeper.ts';
import type { DriftStatus } from './drift.ts';
import type { FlannelView } from './flannel-move.ts';
import type { LeaseView } from './lease-keeper.ts';
import type { QualityView } from './path-quality.ts';
import { viewOf } from './path-quality.ts';
import type { PathTrack, Tracks } from './path-track.ts';
import type { SilentPath } from './path-words.ts';
import { describeSilent, silentPaths } from './path-words.ts';
import type { LastPass } from './reconciler.ts';
import type { StockedSubnet } from './subnet-stock.ts';

export type PeerStatus = PeerPath & {
  /** What probes say of the path that is used; `untried` also where none is sent. */
  readonly probe: PathVerdict;
} & QualityView;

export type DeviceStatus = {
  readonly name: string;
  readonly kind: 'vxlan';
  readonly up: boolean;
  readonly vni: number;
  readonly port: number;
  readonly mac: string;
  readonly mtuBytes: number;
  /** Source address of what it sends. */
  readonly local: string;
};

export type Status = {
  readonly schema: 1;
  readonly version: string;
  readonly node: string;
  /** When this agent was started. */
  readonly startedAt: string;
  /** Whether this node's pods can be started and reach every peer. */
  readonly ready: boolean;
  /** Everything that keeps the node from being ready or from reaching somebody, in words. */
  readonly problems: readonly string[];
  readonly config: {
    readonly hash: string;
    readonly origin: string;
    readonly backend: string;
    /** Why the newest text is not in force; empty when it is. */
    readonly problems: readonly ConfigProblem[];
  };
  /** What the last pass worked by: all of the cluster, or only what the disk remembers. */
  readonly cluster: 'synced' | 'remembered' | 'unknown';
  readonly lease: {
    /** What gives the right to subnets: podCIDR, lease or etcd; '' while it is not decided. */
    readonly authority: string;
    /** Why it is this authority. */
    readonly explanation: string;
    /** What the node uses. */
    readonly subnets: readonly Cidr[];
    /** How full each of those is that the node holds. */
    readonly usage: readonly StockedSubnet[];
    /** Why new pods get no address; '' when they do. */
    readonly reason: string;
  };
  /** Of the configuration, and those of before that pods still have; the reason in words. */
  readonly families: readonly FamilyState[];
  readonly underlay: readonly {
    readonly family: string;
    readonly link: string;
    readonly address: string;
    /** What peers send to, where that is another: it is translated on the way. */
    readonly publicAddress?: string;
    readonly mtuBytes: number;
    /** Which rule has chosen the address. */
    readonly chosenBy: string;
  }[];
  readonly podMtuBytes: { readonly link: number; readonly route: number };
  /** Those of the backend; pods' links are not among them. */
  readonly devices: readonly DeviceStatus[];
  readonly peers: readonly PeerStatus[];
  /** Nodes whose own data is bad; they alone are left out. */
  readonly nodeProblems: Readonly<Record<string, readonly string[]>>;
  /** Paths over which no probe comes back, in words: those in use, and those that are next. */
  readonly silentPaths: readonly string[];
  /** The same for programs. */
  readonly silent: readonly SilentPath[];
  /** Rules of others that drop pods' packets. */
  readonly foreignDrops: readonly string[];
  /** Objects that somebody changes again whenever the agent puts them right. */
  readonly fights: readonly string[];
  readonly pods: {
    readonly attached: number;
    /** Ports of this node that lead to pods. */
    readonly hostPorts: number;
    /** Attachments whose namespace or host veth is gone. */
    readonly broken: readonly string[];
    /** Attachments with addresses of subnets that the node lost: they have no network. */
    readonly isolated: readonly string[];
    /** Attachments whose files cannot be understood: they keep their addresses and links. */
    readonly unread: readonly string[];
    /** Attachments that have not got the MTU that the paths ask for, and why. */
    readonly mtu: readonly string[];
  };
  /** The calls of the container runtime since the agent started. */
  readonly cni: CniStatus;
  /** What somebody else changed in the kernel, and the agent put right. */
  readonly drift: DriftStatus;
  /** What was told to the operator last, oldest first. */
  readonly events: readonly RecentEvent[];
  /** What of Flannel is left on a node that comes from it; absent where nothing is. */
  readonly flannel?: FlannelView;
  /** BIRD and its sessions; absent where this node has no use for a BIRD. */
  readonly bgp?: BgpStatus;
  readonly source: SourceHealth;
  /** When somebody set the machine's wall clock, in words; the last few times. */
  readonly clockJumps: readonly string[];
  readonly reconcile: {
    readonly passes: number;
    /** Hash of the configuration that the last pass worked by; '' before the first. */
    readonly config: string;
    readonly lastDurationMs: number;
    readonly lastOps: number;
    readonly failures: readonly string[];
  };
};

export type StatusParts = Pick<Status, 'version' | 'node' | 'cni' | 'drift' | 'events'> & {
  readonly startedAt: Date;
  readonly problems: readonly string[];
  readonly config: Pick<ConfigKeeper, 'config' | 'origin' | 'problems'>;
  readonly bird: BirdView | undefined;
  readonly flannel: FlannelView | undefined;
  readonly bgp: Pick<BgpSpeaker, 'problems' | 'sessionFacts'> | undefined;
  readonly cluster: Status['cluster'];
  readonly lease: LeaseView;
  readonly usage: Status['lease']['usage'];
  readonly families: Status['families'];
  readonly outcome: LastPass | undefined;
  readonly passes: number;
  readonly tracks: Tracks;
  readonly foreignDrops: readonly string[];
  readonly fights: readonly string[];
  readonly pods: Status['pods'];
  readonly source: SourceHealth;
  readonly clockJumps: readonly string[];
};

export function buildStatus(parts: StatusParts): Status {
  const { outcome } = parts;
  const wanted = outcome?.desired;
  const bgp = bgpStatus(parts.bird, parts.bgp);
  return {
    schema: 1,
    version: parts.version,
    node: parts.node,
    startedAt: parts.startedAt.toISOString(),
    ready: parts.problems.length === 0,
    problems: parts.problems,
    config: configStatus(parts.config),
    cluster: parts.cluster,
    lease: {
      authority: parts.lease.authority ?? '',
      explanation: parts.lease.explanation,
      subnets: wanted?.ownSubnets ?? [],
      usage: parts.usage,
      reason: parts.lease.reason,
    },
    families: parts.families,
    underlay: outcome?.underlay.underlays ?? [],
    podMtuBytes: wanted?.podMtuBytes ?? { link: 0, route: 0 },
    devices: (outcome?.devices ?? []).map(deviceStatus),
    peers: peerStatuses(wanted?.paths ?? [], parts.tracks),
    nodeProblems: Object.fromEntries(wanted?.nodeProblems ?? []),
    silentPaths: describeSilent(parts.tracks),
    silent: silentPaths(parts.tracks),
    foreignDrops: parts.foreignDrops,
    fights: parts.fights,
    pods: parts.pods,
    cni: parts.cni,
    drift: parts.drift,
    events: parts.events,
    ...(parts.flannel === undefined ? {} : { flannel: parts.flannel }),
    ...(bgp === undefined ? {} : { bgp }),
    source: parts.source,
    clockJumps: parts.clockJumps,
    reconcile: {
      passes: parts.passes,
      config: wanted?.advert.config ?? '',
      lastDurationMs: outcome?.durationMs ?? 0,
      lastOps: outcome?.opCount ?? 0,
      failures: outcome?.failures.map(({ op, error }) => `${printOp(op)}: ${error.message}`) ?? [],
    },
  };
}

const configStatus = ({ config, origin, problems }: StatusParts['config']): Status['config'] => ({
  hash: config?.hash ?? '',
  origin,
  backend: config?.backend.type ?? '',
  problems,
});

/** What probes say is newer than the last pass, which needs to know only what it acts by. */
export function peerStatuses(paths: readonly PeerPath[], tracks: Tracks): PeerStatus[] {
  const used = new Map<string, Readonly<PathTrack>>();
  for (const track of tracks.values()) {
    const { peer, family, isMarked } = track.probe;
    if (!isMarked) used.set(`${peer} ${family}`, track);
  }
  return paths.map((path) => {
    const track = used.get(`${path.peer} ${path.family}`);
    if (track === undefined) return { ...path, probe: 'untried' };
    return { ...path, probe: track.verdict, ...viewOf(track.quality) };
  });
}

const deviceStatus = ({ name, up, vni, portNumber, mac, mtuBytes, local }: VxlanLink) =>
  ({ name, kind: 'vxlan', up, vni, port: portNumber, mac, mtuBytes, local }) as const;
