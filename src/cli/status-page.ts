// The page of `poplin status` for people: what is well in short, what is not in full. Pure.

import type { DeviceStatus, PeerStatus, Status } from '../agent/status.ts';
import { renderProblem } from '../config/problems.ts';
import { FAMILY_LABEL } from '../net/family.ts';
import { birdLines, durationWords } from './bird-lines.ts';

const WELL_PEERS_SHOWN = 32;
const DRIFT_SHOWN = 3;
const EVENTS_SHOWN = 5;

export function renderStatus(status: Status): string {
  const { config, lease, reconcile } = status;
  const authority = lease.authority || 'undecided';
  const lines = [
    `node       ${status.node}, poplin ${status.version}: ${status.ready ? 'ready' : 'NOT READY'}`,
    `started    ${status.startedAt}`,
    `config     ${config.backend || 'none'} (${config.hash || '-'}) from ${config.origin || '-'}`,
    ...config.problems.map((problem) => `  ! not in force: ${renderProblem(problem)}`),
    `lease      ${lease.subnets.join(', ') || 'none'} (${authority}: ${lease.explanation})`,
    ...(lease.reason === '' ? [] : [`  ! ${lease.reason}`]),
    ...lease.usage.map(usageLine),
    ...status.families.flatMap(familyLine),
    ...status.underlay.map(underlayLine),
    ...status.devices.map(deviceLine),
    `pods       ${status.pods.attached} attached, MTU ${status.podMtuBytes.route}`,
    ...podProblems(status.pods).map((text) => `  ! ${text}`),
    ...flannelLine(status.flannel),
    ...cniLines(status.cni),
    ...birdLines(status.bgp),
    `reconcile  ${reconcile.passes} passes, the last in ${reconcile.lastDurationMs.toFixed(1)} ms`,
    ...reconcile.failures.map((text) => `  ! ${text}`),
    ...driftLines(status.drift),
    sourceLine(status),
    ...(status.source.problem === undefined ? [] : [`  ! ${status.source.problem}`]),
    ...status.clockJumps.map((text) => `clock      ${text}`),
    ...status.foreignDrops.map((text) => `  ! ${text}`),
    ...status.fights.map((text) => `  ! ${text}`),
    `peers      ${summary(status.peers)}`,
    ...peerLines(status.peers),
    ...status.silentPaths.map((text) => `  ! ${text}`),
    ...Object.entries(status.nodeProblems).flatMap(([node, problems]) =>
      problems.map((problem) => `  ! ${node}: ${problem}`),
    ),
    ...status.events.slice(-EVENTS_SHOWN).map(eventLine),
    ...status.problems.map((problem) => `problem    ${problem}`),
  ];
  return `${lines.join('\n')}\n`;
}

function sourceLine({ source, cluster }: Status): string {
  const age = source.lastContactAgeSeconds;
  const heard = age === undefined ? 'never heard of' : `last heard of ${durationWords(age)} ago`;
  return `source     ${source.synced ? 'synced' : 'not synced'}, ${heard}, cluster ${cluster}`;
}

function deviceLine({ name, up, vni, port, mac, mtuBytes, local }: DeviceStatus): string {
  const sign = up ? ' ' : '!';
  const state = up ? '' : ', DOWN';
  const where = `VNI ${vni}, port ${port}, ${mac}, from ${local}`;
  return `  ${sign} ${name}: ${where}, MTU ${mtuBytes}${state}`;
}

function cniLines({ verbs, lastFailure }: Status['cni']): string[] {
  const lines = verbs.map(({ verb, calls, failures, medianMs, slowestMs }) => {
    const failed = failures === 0 ? '' : `, ${failures} failed`;
    const took = `half in ${medianMs} ms, all in ${slowestMs} ms`;
    return `    ${verb}: ${calls} calls${failed}; of the last ones ${took}`;
  });
  if (lastFailure === undefined) return lines;
  const { at, verb, code, message } = lastFailure;
  return [...lines, `    last failure: ${verb} at ${at}: ${message} (CNI code ${code})`];
}

function driftLines({ repaired, byObject, last }: Status['drift']): string[] {
  const kinds = Object.entries(byObject).map(([object, count]) => `${count} ${object}`);
  if (repaired === 0) return ['drift      nothing had to be put right'];
  return [
    `drift      ${repaired} put right (${kinds.join(', ')})`,
    ...last.slice(0, DRIFT_SHOWN).map(({ at, object }) => `    ${at} ${object}`),
  ];
}

const eventLine = ({ at, type, reason, message }: Status['events'][number]): string =>
  `event      ${at} ${type} ${reason}: ${message}`;

function flannelLine(flannel: Status['flannel']): string[] {
  if (flannel === undefined) return [];
  const { bridge, pods, devices } = flannel;
  const left = bridge === undefined ? 'no pods left' : `${pods} pods left behind ${bridge}`;
  const ours = devices.map(({ name, from }) => `${name} was ${from}`);
  return [`flannel    ${[left, ...ours].join(', ')}`];
}

const podProblems = ({ broken, isolated, unread, mtu }: Status['pods']): string[] =>
  [broken, isolated, unread, mtu].flat();

function usageLine({ subnet, total, used, resting, state }: Status['lease']['usage'][number]) {
  const special = state === 'in use' ? '' : `; ${state}`;
  // Nobody reads how many a /64 has.
  const of = Number.isSafeInteger(total) ? `${used} of ${total} addresses` : `${used} addresses`;
  return `    ${subnet}: ${of} in use, ${resting} resting${special}`;
}

/** Of those that are not simply served. */
function familyLine({ family, network, state, reason }: Status['families'][number]): string[] {
  if (state === 'served') return [];
  const sign = state === 'kept' ? ' ' : '!';
  return [`  ${sign} ${FAMILY_LABEL[family]} ${network} is ${state}: ${reason}`];
}

function underlayLine(underlay: Status['underlay'][number]): string {
  const { family, address, publicAddress, link, mtuBytes, chosenBy } = underlay;
  const told = publicAddress === undefined ? '' : `, for peers ${publicAddress}`;
  return `underlay   ${address} on ${link}${told}, MTU ${mtuBytes} (${family}; ${chosenBy})`;
}

function summary(peers: readonly PeerStatus[]): string {
  const counts = new Map<string, number>();
  for (const { used } of peers) counts.set(used, (counts.get(used) ?? 0) + 1);
  return [...counts].map(([used, count]) => `${count} by ${used}`).join(', ') || 'none';
}

/** Of thousands that are well, some. */
function peerLines(peers: readonly PeerStatus[]): string[] {
  const well = peers.filter((peer) => !isBad(peer));
  const shown = new Set(well.slice(0, WELL_PEERS_SHOWN));
  const more = well.length - shown.size;
  return [
    ...peers.filter((peer) => shown.has(peer) || isBad(peer)).map(peerLine),
    ...(more > 0 ? [`    and ${more} more with nothing to say of them`] : []),
  ];
}

const isBad = ({ used, probe, mtu, lossPercent = 0 }: PeerStatus): boolean =>
  used === 'none' || probe === 'silent' || mtu !== undefined || lossPercent > 0;

function probeWords({ probe, latencyMs, lossPercent }: PeerStatus): string {
  const took = latencyMs === undefined || probe === 'silent' ? '' : ` in ${latencyMs} ms`;
  const lost = lossPercent === undefined ? '' : `, ${lossPercent} % lost`;
  return `${probe}${took}${lost}`;
}

function peerLine(path: PeerStatus): string {
  const { peer, family, subnets, receives, used, reason, mtu } = path;
  const why = reason === '' ? '' : ` (${reason})`;
  const sign = isBad(path) ? '!' : ' ';
  const can = receives.join(' and ') || 'nothing';
  const small =
    mtu === undefined ? '' : `; path MTU ${mtu.foundBytes}, believed ${mtu.believedBytes}`;
  const where = `${peer} ${subnets.join(', ')} ${family}`;
  return `  ${sign} ${where}: ${used}${why}; ${probeWords(path)}; receives ${can}${small}`;
}
