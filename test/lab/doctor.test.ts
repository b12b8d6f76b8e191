// `poplin doctor` on one lab of two nodes, which is broken and mended in one way after another:
// each time exactly that is found and nothing else, and a healthy node has no finding.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { systemClock } from '../../src/lib/clock.ts';
import { diagnosisOf, runDoctor, untilFound } from './doctor.ts';
import type { Scenario, Scene } from './doctor-scenarios.ts';
import { CHECKSUM, load, NODE, PEER, SCENARIOS } from './doctor-scenarios.ts';
import { withLab } from './lab.ts';
import { OwnApi } from './own-api.ts';

const TOKEN = 'a-token-of-the-doctor';
const BUNDLED = [
  ...['doctor.txt', 'doctor.json', 'status.json', 'metrics.txt', 'logs/0.log', 'run/agent.json'],
  ...['kernel/links.jsonl', 'kernel/addresses.jsonl', 'kernel/routes-ipv4.jsonl'],
  ...['kernel/routes-ipv6.jsonl', 'kernel/rules.jsonl', 'kernel/neighbours.jsonl'],
  ...['kernel/fdb.jsonl', 'kernel/nexthops.jsonl', 'kernel/nft.txt', 'kernel/sysctls.txt'],
  ...['state/cluster.json', 'state/last-good-net-conf.json', 'net.d/10-poplin.conflist'],
  ...['bird/bird.conf', 'net.d/99-x.conflist'],
];
const BUNDLED_TEXTS = [
  ...[/"name":"poplin4-1"/, /"destination":"10\.244\.\d+\.0\/24"/, /table inet poplin/],
  ...[/net\.ipv4\.ip_forward = 1/, /net\.netfilter\.nf_conntrack_count = \d/, /"msg":"starting"/],
];

test('each of the usual causes is found, alone, and a healthy node has no finding', async (t) => {
  const api = await OwnApi.start(TOKEN);
  const options = { nodeCount: 2, subnetSource: 'lease', kubeconfig: api.kubeconfig } as const;
  try {
    await withLab(options, async (lab) => {
      const scene = { lab, api };
      await healthy(scene);
      const timed = async (what: string, work: () => Promise<unknown>): Promise<void> => {
        const beginMs = systemClock.monotonicMs();
        await work();
        t.diagnostic(`${what}: ${(systemClock.monotonicMs() - beginMs).toFixed(0)} ms`);
      };
      for (const scenario of SCENARIOS) {
        await timed(`${scenario.check}, ${scenario.title}`, () => play(scene, scenario));
      }
      await timed('all is mended', () => untilFound(lab, NODE, { checks: [] }));
      await timed('eaten on the way', () => eatenOnTheWay(scene));
      await timed('without the agent', () => withoutAgent(scene));
      await timed('the archive', () => bundle(scene));
      await timed('wrong checksums', () => play(scene, CHECKSUM));
    });
  } finally {
    await api.stop();
  }
});

async function play(scene: Scene, scenario: Scenario): Promise<void> {
  const mend = await scenario.break(scene);
  const settings = { checks: [scenario.check], ...scenario.settings?.() };
  const [finding] = await untilFound(scene.lab, NODE, settings);
  assert.match(finding?.what ?? '', scenario.says, scenario.title);
  await mend();
}

/** Known secrets stand wherever the archive is made from, and none of them is in it. */
async function bundle({ lab }: Scene): Promise<void> {
  const { birdDir, cniConfDir, logFile } = lab.directory.node(NODE);
  const secrets = [TOKEN, 'bird-Pass-11', 'conflist-Pass-12', 'logged-Pass-13', 'fe80:1234:77::5'];
  const [, ofBird, ofConflist, ofLog, ofSysctl = ''] = secrets;
  writeFileSync(join(birdDir, 'bird.conf'), `protocol bgp { password "${ofBird}"; }\n`);
  const conflist = { name: 'x', plugins: [{ type: 'x', token: ofConflist }] };
  writeFileSync(join(cniConfDir, '99-x.conflist'), JSON.stringify(conflist));
  const base64 = Buffer.from(TOKEN).toString('base64');
  appendFileSync(logFile, `{"msg":"${TOKEN} ${base64}","authorization":"Bearer ${ofLog}"}\n`);
  lab.run(NODE, `sysctl -qw net.ipv6.conf.eth0.stable_secret=${ofSysctl}`);
  load(lab.netns(NODE), `table inet words {\n comment "${TOKEN}"\n}\n`);
  const file = join(lab.directory.path, 'bundle.tgz');
  const { exitCode, stdout } = await runDoctor(lab, NODE, { words: ['--bundle', file] });
  assert.deepEqual(
    { exitCode, isWell: /nothing is wrong/.test(stdout) },
    { exitCode: 0, isWell: true },
  );
  const archive = gunzipSync(readFileSync(file)).toString('latin1');
  for (const secret of [...secrets, base64.replace(/=+$/, '')]) {
    assert.ok(!archive.includes(secret), `the archive holds ${secret}`);
  }
  const names = execFileSync('tar', ['tzf', file], { encoding: 'utf8' }).trim().split('\n');
  for (const name of BUNDLED) assert.ok(names.includes(`poplin/${name}`), `${name} in ${names}`);
  for (const text of BUNDLED_TEXTS) assert.match(archive, text);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  rmSync(join(cniConfDir, '99-x.conflist'));
}

async function healthy({ lab }: Scene): Promise<void> {
  for (const node of [NODE, PEER]) {
    const { skipped, findings } = await diagnosisOf(lab, node);
    assert.deepEqual(findings, []);
    assert.deepEqual(skipped, []);
  }
  const { stdout, exitCode } = await runDoctor(lab, NODE, { words: [] });
  assert.match(stdout, /^node1, poplin \d.*: nothing is wrong, by \d+ checks\n$/);
  assert.equal(exitCode, 0);
  const wrong = await runDoctor(lab, NODE, { words: ['--jsn'] });
  assert.equal(wrong.exitCode, 2);
}

/** The network between the nodes drops UDP; both are healthy in themselves. */
async function eatenOnTheWay({ lab }: Scene): Promise<void> {
  const { fabricNetns } = lab.plan;
  const rules = 'type filter hook forward priority 0\nudp dport 8472 drop';
  load(fabricNetns, `table bridge wall {\nchain on_the_way {\n${rules}\n}\n}\n`);
  const [finding] = await untilFound(lab, NODE, { checks: ['udp-port-blocked'] });
  assert.match(finding?.what ?? '', /nothing comes back by VXLAN from node2/);
  lab.runIn(fabricNetns, ['nft', 'delete', 'table', 'bridge', 'wall']);
  await lab.untilStatus(NODE, 'hears its peer again', ({ silent }) => silent.length === 0);
}

/** What the agent would put right at once stays while it is away. */
async function withoutAgent({ lab }: Scene): Promise<void> {
  await lab.endAgent(NODE, 'SIGTERM');
  await untilFound(lab, NODE, { checks: ['agent'] });
  lab.run(NODE, 'sysctl -qw net.ipv4.ip_forward=0');
  await untilFound(lab, NODE, { checks: ['agent', 'ip-forward'] });
  lab.run(NODE, 'sysctl -qw net.ipv4.ip_forward=1');
  lab.run(NODE, 'sysctl -qw net.ipv4.conf.eth0.rp_filter=1');
  const found = await untilFound(lab, NODE, { checks: ['agent', 'rp-filter'] });
  assert.match(found[1]?.what ?? '', /strict on eth0/);
  lab.startAgent(NODE);
  await untilFound(lab, NODE, { checks: [] });
}
