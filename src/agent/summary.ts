// The summary of a node from its status document, and what of it is worth a write of its own: that
// something is wrong or right again, not that an echo takes a little longer. Pure.

import type { NodeSummary } from '../cluster/summary.ts';
import { SUMMARY_PEERS_MAX } from '../cluster/summary.ts';
import type { PeerStatus, Status } from './status.ts';

const PROBLEMS_MAX = 4;
const WORDS_MAX = 240;
const EVENTS_MAX = 8;
/** Loss below this may be chance. */
const LOSS_PERCENT = 10;

export type SummaryTime = { readonly at: Date; readonly withinSeconds: number };

export function summaryOf(status: Status, { at, withinSeconds }: SummaryTime): NodeSummary {
  const { config, lease, peers, pods } = status;
  const isWhole = peers.length <= SUMMARY_PEERS_MAX;
  const named = isWhole ? peers : peers.filter(isFaulty).slice(0, SUMMARY_PEERS_MAX);
  return {
    v: 1,
    at: at.toISOString(),
    withinSeconds,
    version: status.version,
    ready: status.ready,
    problems: status.problems.slice(0, PROBLEMS_MAX).map(short),
    backend: config.backend,
    config: config.hash,
    configInvalid: config.problems.length > 0,
    cluster: status.cluster,
    subnets: [...lease.subnets],
    underlay: status.underlay.map(({ address }) => address),
    pods: pods.attached,
    peers: {
      total: peers.length,
      silent: peers.filter(({ probe }) => probe === 'silent').length,
      unreachable: peers.filter(({ used }) => used === 'none').length,
      waiting: peers.filter(({ waitsFor }) => waitsFor !== undefined).length,
      isWhole,
    },
    paths: named.map(({ peer, family, used, probe, latencyMs, lossPercent }) => [
      ...([peer, family, used, probe] as const),
      ...([latencyMs ?? null, lossPercent ?? null] as const),
    ]),
    events: status.events.slice(-EVENTS_MAX).map(({ at: when, type, reason, message }) => ({
      ...{ at: when, type, reason: reason.slice(0, 64), message: short(message) },
    })),
  };
}

/** Whatever is in it is written soon when it changes; the rest with the next write. */
export function worthTelling(summary: NodeSummary): string {
  const { at: _, withinSeconds: __, pods: ___, events: ____, paths, ...rest } = summary;
  const seen = paths.map(([peer, family, used, probe, , loss]) => {
    return [peer, family, used, probe, (loss ?? 0) >= LOSS_PERCENT];
  });
  return JSON.stringify([rest, seen]);
}

const isFaulty = ({ used, probe, lossPercent }: PeerStatus): boolean =>
  used === 'none' || probe === 'silent' || (lossPercent ?? 0) >= LOSS_PERCENT;

const short = (text: string): string =>
  text.length <= WORDS_MAX ? text : `${text.slice(0, WORDS_MAX)}…`;
