// `poplin status [--json]`: how the node is, asked of its agent; where the agent is away, what the
// disk remembers. `--all`: every node of the cluster, by what they publish, read from the API or
// from etcd. Exit code 1 when the node, or one of them, is not ready, or the agent is away.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fetchStatus } from '../agent/admin-client.ts';
import type { Status } from '../agent/status.ts';
import { overviewOf } from '../cluster/overview.ts';
import { systemClock } from '../lib/clock.ts';
import { AppError, describeError } from '../lib/errors.ts';
import { agentAway, renderAway } from './agent-away.ts';
import { AGENT_FLAGS, parseAgentOptions } from './agent-options.ts';
import { readSummaries } from './cluster-summaries.ts';
import type { CommandIo } from './io.ts';
import { EXIT_CHECK_FAILED, EXIT_OK } from './io.ts';
import { renderOverview } from './overview-page.ts';
import { renderStatus } from './status-page.ts';

const OWN_FLAGS = { json: { type: 'boolean' }, all: { type: 'boolean' } } as const;

export async function statusCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const { own, rest } = split(args);
  // Whoever asks for the cluster, or of a machine whose agent is away, is no node.
  const environment = { POPLIN_NODE_NAME: '-', ...process.env };
  const options = parseAgentOptions(rest, environment);
  const ask = own.all === true ? allNodes : thisNode;
  return ask(options, { io, isJson: own.json === true });
}

type Output = { readonly io: CommandIo; readonly isJson: boolean };
type Options = ReturnType<typeof parseAgentOptions>;

async function thisNode({ runDir, stateDir }: Options, { io, isJson }: Output): Promise<number> {
  let status: Status;
  try {
    status = await fetchStatus(runDir);
  } catch (error) {
    const where = join(runDir, 'admin.sock');
    const problem = `the agent does not answer on ${where}: ${describeError(error)}`;
    const away = agentAway(stateDir, problem);
    if (isJson) io.out(`${JSON.stringify(away)}\n`);
    else io.err(renderAway(away));
    return EXIT_CHECK_FAILED;
  }
  io.out(isJson ? `${JSON.stringify(status)}\n` : renderStatus(status));
  return status.ready ? EXIT_OK : EXIT_CHECK_FAILED;
}

async function allNodes(options: Options, { io, isJson }: Output): Promise<number> {
  const overview = overviewOf(await readSummaries(options), systemClock.now());
  io.out(isJson ? `${JSON.stringify(overview)}\n` : renderOverview(overview));
  const isWell = overview.nodes.every(({ state }) => state === 'ready');
  return isWell ? EXIT_OK : EXIT_CHECK_FAILED;
}

/** Flags of its own, and those by which an agent finds its directories and its datastore. */
function split(args: readonly string[]) {
  const texts = Object.keys(AGENT_FLAGS).map((flag) => [flag, { type: 'string' as const }]);
  const options = { ...Object.fromEntries(texts), ...OWN_FLAGS };
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true });
    const own = values as { readonly json?: boolean; readonly all?: boolean };
    return { own, rest: args.filter((word) => word !== '--json' && word !== '--all') };
  } catch (error) {
    throw new AppError('USAGE', 'poplin status', describeError(error));
  }
}
