// What the agent shows over HTTP, and where: on the admin socket always, on a TCP address when one
// is given, with the web page when that is switched on.

import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { AdminViews } from '../agent/admin-server.ts';
import { listenAdminSocket, listenMetrics } from '../agent/admin-server.ts';
import type { Agent } from '../agent/agent.ts';
import { unhealthyBecause, unreadyBecause } from '../agent/health.ts';
import type { AgentMetrics } from '../agent/metrics.ts';
import type { AgentOptions } from '../agent/options.ts';
import { clusterOf, pacedText, pageDirectory } from '../agent/page.ts';
import type { PathProber } from '../agent/path-prober.ts';
import { systemClock } from '../lib/clock.ts';
import type { Source } from '../source/source.ts';

type Viewed = {
  readonly options: Pick<AgentOptions, 'servesPage'>;
  readonly agent: Agent;
  readonly source: Pick<Source, 'summaries'>;
  readonly prober: PathProber;
  readonly metrics: AgentMetrics;
  readonly socketPath: string;
};

export const viewsOf = (viewed: Viewed): AdminViews => {
  const { options, agent, source, prober, metrics, socketPath } = viewed;
  const page = {
    directory: pageDirectory(process.argv[1] ?? ''),
    clusterText: pacedText(
      () => clusterOf(agent.status(), source.summaries, systemClock.now()),
      systemClock,
    ),
  };
  return {
    registry: metrics.registry,
    status: () => agent.status(),
    unhealthy: () => {
      const [passSinceMs, nowMs] = [agent.passSinceMs(), systemClock.monotonicMs()];
      return unhealthyBecause({ passSinceMs, nowMs, hasSocket: existsSync(socketPath) });
    },
    unready: () => unreadyBecause(agent.readiness(), prober.tracks),
    ...(options.servesPage ? { page } : {}),
  };
};

export async function listenAdmin(
  { runDir, metricsListen }: Pick<AgentOptions, 'runDir' | 'metricsListen'>,
  views: AdminViews,
): Promise<Server[]> {
  const servers = [await listenAdminSocket(join(runDir, 'admin.sock'), views)];
  if (metricsListen !== undefined) servers.push(await listenMetrics(metricsListen, views));
  return servers;
}
