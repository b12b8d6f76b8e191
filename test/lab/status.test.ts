// `poplin status` and `status --all` of a lab, as a user runs them, while all is well and while
// things are broken; and what Prometheus makes of the agents' metrics, by the dashboard's queries.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dashboardQueries } from '../../scripts/deploy/dashboard.ts';
import type { AgentAway } from '../../src/cli/agent-away.ts';
import type { ClusterOverview } from '../../src/cluster/overview.ts';
import { isAlive, sendSignal, startProcess } from '../../src/lab/processes.ts';
import { statusSchema } from '../fake/status-schema.ts';
import type { TestLab } from './lab.ts';
import { buildProgram, until, withLab } from './lab.ts';

const PROGRAMS = fileURLToPath(new URL('../../.cache/prometheus/usr/bin/', import.meta.url));
const COMMAND_TIMEOUT_MS = 60_000;
const SCRAPED_TIMEOUT_MS = 120_000;

const { program } = buildProgram();

type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

function status(lab: TestLab, node: string, words: readonly string[] = []): Ran {
  const { runDir, stateDir } = lab.directory.node(node);
  const [first = '', ...rest] = program;
  const where = ['--run-dir', runDir, '--state-dir', stateDir];
  const argv = [...rest, 'status', ...where, ...words];
  const ran = spawnSync(first, argv, { encoding: 'utf8', timeout: COMMAND_TIMEOUT_MS });
  return { code: ran.status, out: ran.stdout, err: ran.stderr };
}

const all = (lab: TestLab, words: readonly string[] = []): Ran =>
  status(lab, 'node1', ['--all', '--kubeconfig', lab.directory.kubeconfig, ...words]);

const overview = (lab: TestLab): ClusterOverview =>
  JSON.parse(all(lab, ['--json']).out || '{"nodes":[]}') as ClusterOverview;

async function assertWell(lab: TestLab): Promise<void> {
  const { code, out } = status(lab, 'node1', ['--json']);
  assert.equal(code, 0, out);
  const parsed = statusSchema.safeParse(JSON.parse(out));
  assert.ok(parsed.success, parsed.error?.message);
  assert.match(status(lab, 'node1').out, /^node +node1, poplin .*: ready$/m);
  await until(
    'all nodes say that they are ready',
    () => overview(lab).nodes.filter(({ state }) => state === 'ready').length === 3,
    SCRAPED_TIMEOUT_MS,
  );
  const page = all(lab);
  assert.equal(page.code, 0);
  assert.match(page.out, /^node3 +ready +\d+ .* vxlan .* 10\.244\.2\.0\/24 /m);
  const words = [
    ...['--kubeconfig', lab.directory.kubeconfig, 'get', 'node', 'node2', '-o'],
    'jsonpath={.status.conditions[?(@.type=="PoplinReady")].status}',
  ];
  const condition = (): string => execFileSync('kubectl', words, { encoding: 'utf8' });
  await until('the condition of its Node', () => condition() === 'True', SCRAPED_TIMEOUT_MS);
}

async function assertDriftIsCounted(lab: TestLab): Promise<void> {
  lab.run('node1', 'ip route del 10.244.1.0/24 metric 16');
  const { drift } = await lab.untilStatus('node1', 'counts drift', (now) => now.drift.repaired > 0);
  assert.match(drift.last[0]?.object ?? '', /10\.244\.1\.0\/24/);
}

/** Asks Prometheus, by its API, how many series each query has; in the namespace of a node. */
const ASK = `Promise.all(JSON.parse(process.argv[1]).map(async (query) => {
  const url = 'http://127.0.0.1:9090/api/v1/query?' + new URLSearchParams({ query });
  const { status, error, data } = await (await fetch(url)).json();
  if (status !== 'success') throw new Error(query + ': ' + error);
  return data.result.length;
})).then((counts) => process.stdout.write(JSON.stringify(counts)))`;

/** Prometheus beside the agent in its namespace. */
async function assertQueries(lab: TestLab): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-prometheus-'));
  const config = join(directory, 'prometheus.yml');
  const job = `{ job_name: poplin, static_configs: [{ targets: ['127.0.0.1:9113'] }] }`;
  writeFileSync(config, `global: { scrape_interval: 1s }\nscrape_configs: [${job}]\n`);
  const { netns } = lab.node('node1');
  const flags = [
    ...[`--config.file=${config}`, `--storage.tsdb.path=${join(directory, 'data')}`],
    '--web.listen-address=127.0.0.1:9090',
  ];
  const server = startProcess(
    ['ip', 'netns', 'exec', netns, join(PROGRAMS, 'prometheus'), ...flags],
    join(directory, 'log'),
  );
  const ask = (queries: readonly string[]): readonly number[] => {
    const argv = [process.execPath, '-e', ASK, JSON.stringify(queries)];
    return JSON.parse(lab.runArgv('node1', argv)) as number[];
  };
  const isScraped = (): boolean => {
    try {
      return (ask(['rate(poplin_reconcile_passes_total[1m])'])[0] ?? 0) > 0;
    } catch {
      return false; // It starts.
    }
  };
  try {
    await until('Prometheus has scraped the agent twice', isScraped, SCRAPED_TIMEOUT_MS);
    const queries = dashboardQueries().map((expr) =>
      expr.replaceAll('$node', '.*').replaceAll('$__rate_interval', '1m'),
    );
    // Without BGP there are no sessions, and nothing fails in a lab that is well.
    const expected = queries.filter((e) => !/poplin_bgp_session|outcome|code!="0"/.test(e));
    const without = (): readonly string[] => {
      const counts = ask(expected);
      return expected.filter((_, index) => counts[index] === 0);
    };
    await until('each query has an answer', () => without().length === 0, SCRAPED_TIMEOUT_MS).catch(
      () => assert.deepEqual(without(), []),
    );
    assert.deepEqual(ask(['poplin_ready == 1']), [1]);
  } finally {
    sendSignal(server, 'SIGKILL');
    await until('Prometheus ends', () => !isAlive(server));
    rmSync(directory, { recursive: true });
  }
}

/** Its agent is away, then the API as well. */
async function assertRightWhileBroken(lab: TestLab): Promise<void> {
  await lab.endAgent('node2', 'SIGKILL');
  const away = status(lab, 'node2', ['--json']);
  assert.equal(away.code, 1);
  const { ready, problems, remembered } = JSON.parse(away.out) as AgentAway;
  assert.equal(ready, false);
  assert.match(problems.join(), /the agent does not answer on .*admin\.sock/);
  assert.deepEqual(remembered, { node: 'node2', subnets: ['10.244.1.0/24'], pods: 1 });
  assert.match(status(lab, 'node2').err, /^remembered +node2: 10\.244\.1\.0\/24, 1 pods/m);
  const api = lab.directory.process('api') ?? assert.fail('the lab has no API process');
  sendSignal(api, 'SIGKILL');
  await until('the API ends', () => !isAlive(api));
  const cluster = all(lab);
  assert.deepEqual([cluster.code, cluster.out], [1, '']);
  assert.match(cluster.err, /list|nodes/);
  await lab.untilStatus('node1', 'says that the API is away', ({ source }) => {
    return source.problem !== undefined;
  });
  const { code, out } = status(lab, 'node1');
  assert.equal(code, 0, 'the network works');
  assert.match(out, /^source +synced, last heard of .* ago, cluster synced\n {2}! /m);
}

test('status, status --all and the dashboard of a lab, well and broken', async () => {
  await withLab({ nodeCount: 3, podsPerNode: 1 }, async (lab) => {
    await assertWell(lab);
    await assertDriftIsCounted(lab);
    await assertQueries(lab);
    await assertRightWhileBroken(lab);
  });
});
