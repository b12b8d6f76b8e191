// `poplin status [--json] [--run-dir DIR]`: asks the agent of this node how it is and prints it for
// people, or as the documented JSON. Exit code 1 when the node is not ready or the agent is away.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fetchStatus } from '../agent/admin-client.ts';
import type { PeerStatus, Status } from '../agent/status.ts';
import { renderProblem } from '../config/problems.ts';
import { describeError } from '../lib/errors.ts';
import { FAMILY_LABEL } from '../net/family.ts';
import { birdLines } from './bird-lines.ts';
import type { CommandIo } from './io.ts';
import { EXIT_CHECK_FAILED, EXIT_OK, EXIT_USAGE } from './io.ts';

export async function statusCommand(args: readonly string[], io: CommandIo): Promise<number> {
  let options: { json: boolean; runDir: string };
  try {
    options = parse(args);
  } catch (error) {
    io.err(`poplin status: ${describeError(error)}\n`);
    return EXIT_USAGE;
  }
  let status: Status;
  try {
    status = await fetchStatus(options.runDir);
  } catch (error) {
    const where = join(options.runDir, 'admin.sock');
    io.err(`poplin status: the agent does not answer on ${where}: ${describeError(error)}\n`);
    return EXIT_CHECK_FAILED;
  }
  io.out(options.json ? `${JSON.stringify(status)}\n` : renderStatus(status));
  return status.ready ? EXIT_OK : EXIT_CHECK_FAILED;
}

function parse(args: readonly string[]): { json: boolean; runDir: string } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      'run-dir': { type: 'string', default: process.env.POPLIN_RUN_DIR ?? '/run/poplin' },
    },
  });
  return { json: values.json, runDir: values['run-dir'] };
}

/** The page for people: what is well in short, what is not in full. */
export function renderStatus(status: Status): string {
  const { config, lease, reconcile } = status;
  const authority = lease.authority || 'undecided';
  const lines = [
    `node       ${status.node}, poplin ${status.version}: ${status.ready ? 'ready' : 'NOT READY'}`,
    `config     ${config.backend || 'none'} (${config.hash || '-'}) from ${config.origin || '-'}`,
    ...config.problems.map((problem) => `  ! not in force: ${renderProblem(problem)}`),
    `lease      ${lease.subnets.join(', ') || 'none'} (${authority}: ${lease.explanation})`,
    ...lease.usage.map(usageLine),
    ...status.families.flatMap(familyLine),
    ...status.underlay.map(underlayLine),
    `pods       ${status.pods.attached} attached, MTU ${status.podMtuBytes.route}`,
    ...podProblems(status.pods).map((text) => `  ! ${text}`),
    ...birdLines(status.bgp),
    `reconcile  ${reconcile.passes} passes, the last in ${reconcile.lastDurationMs.toFixed(1)} ms`,
    ...reconcile.failures.map((text) => `  ! ${text}`),
    `source     ${status.source.synced ? 'synced' : 'not synced'}, cluster ${status.cluster}`,
    ...(status.source.problem === undefined ? [] : [`  ! ${status.source.problem}`]),
    ...status.clockJumps.map((text) => `clock      ${text}`),
    ...status.foreignDrops.map((text) => `  ! ${text}`),
    ...status.fights.map((text) => `  ! ${text}`),
    `peers      ${summary(status.peers)}`,
    ...status.peers.map(peerLine),
    ...status.silentPaths.map((text) => `  ! ${text}`),
    ...Object.entries(status.nodeProblems).flatMap(([node, problems]) =>
      problems.map((problem) => `  ! ${node}: ${problem}`),
    ),
    ...status.problems.map((problem) => `problem    ${problem}`),
  ];
  return `${lines.join('\n')}\n`;
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

function peerLine(path: PeerStatus): string {
  const { peer, family, subnets, receives, used, reason, probe, mtu } = path;
  const why = reason === '' ? '' : ` (${reason})`;
  const isBad = used === 'none' || probe === 'silent' || mtu !== undefined;
  const sign = isBad ? '!' : ' ';
  const can = receives.join(' and ') || 'nothing';
  const small =
    mtu === undefined ? '' : `; path MTU ${mtu.foundBytes}, believed ${mtu.believedBytes}`;
  const where = `${peer} ${subnets.join(', ')} ${family}`;
  return `  ${sign} ${where}: ${used}${why}; receives ${can}${small}`;
}
