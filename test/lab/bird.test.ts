// A lab's BIRDs as processes: the racks' routers exchange routes with whoever is in the racks, and
// the sidecars of the nodes are killed, stopped and rolled without losing a packet. What the agents
// tell their BIRDs is no matter here: bird.conf is written by hand, for subnets that no agent has.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openBird } from '../../src/bird/bird.ts';
import type { BackendType } from '../../src/config/config.ts';
import { birdOf, killBird, killSidecar, rollSidecars, startSidecar } from '../../src/lab/bird.ts';
import { findBird } from '../../src/lab/bird-program.ts';
import type { LabNode } from '../../src/lab/plan.ts';
import { planLab } from '../../src/lab/plan.ts';
import { startRouters } from '../../src/lab/routers.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { TestLab } from './lab.ts';
import { effects, until, withLab } from './lab.ts';

const GENEROUS_MS = 60_000;
/** The agents have no say in it. */
const NETWORK = '10.99.0.0/16' as Cidr;
const bird = findBird(undefined, fileURLToPath(new URL('../..', import.meta.url)));

const subnetOf = (lab: TestLab, node: LabNode): string => `10.99.${lab.plan.nodes.indexOf(node)}`;

/** A node with its rack's router as the only peer. */
function confOf(lab: TestLab, node: LabNode): string {
  const rack = lab.plan.segments.indexOf(node.segment);
  const [own, router] = [node.addresses[0], node.segment.routerAddresses[0]];
  return `log stderr all; router id ${own}; graceful restart wait 20;
protocol device { scan time 10; }
protocol direct underlay { ipv4; interface "eth0"; }
protocol bfd { interface "eth0" { interval 300 ms; multiplier 5; }; }
protocol static blocks4 { ipv4 { import all; }; route ${subnetOf(lab, node)}.0/24 blackhole; }
protocol kernel kernel4 { persist; graceful restart; scan time 10; ipv4 { import none;
  export filter {
  if source = RTS_BGP then { krt_prefsrc = ${subnetOf(lab, node)}.0; accept; } reject; }; }; }
protocol bgp tor { local ${own} as ${65_100 + rack}; neighbor ${router} as ${65_000 + rack};
  bfd graceful; graceful restart on; connect delay time 1; connect retry time 2;
  error wait time 1,4; ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }
`;
}

/** Its session is up, and it has got its routes back. */
async function isReady(lab: TestLab, node: LabNode): Promise<boolean> {
  const socketPath = join(lab.directory.node(node.name).birdDir, 'bird.ctl');
  const stop = AbortSignal.timeout(GENEROUS_MS);
  const options = { socketPath, clock: systemClock, timeoutMs: GENEROUS_MS, stop };
  try {
    const control = await openBird(options);
    const { recovery } = await control.status();
    const sessions = await control.sessions();
    control.close();
    return recovery === undefined && sessions.every(({ state }) => state === 'established');
  } catch {
    return false; // It is not there yet.
  }
}

function inNode(node: LabNode, words: string): boolean {
  try {
    execFileSync('ip', ['netns', 'exec', node.netns, ...words.split(' ')], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

async function lostDuring(words: readonly string[], work: () => Promise<void>) {
  const child = spawn('ip', ['netns', 'exec', ...words]);
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await work();
  child.kill('SIGINT');
  await ended;
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(said) ?? [];
  return { sent: Number(sent), lost: Number(sent) - Number(received) };
}

/** Restarts of the first node's BIRD, and of all. */
function restartsOf(lab: TestLab, first: LabNode, second: LabNode) {
  const { run, clock } = effects;
  const { directory, plan } = lab;
  const record = directory.mustRecord(plan.spec.name);
  const ends = [`${subnetOf(lab, first)}.0`, `${subnetOf(lab, second)}.0`] as const;
  const pinger = [second.netns, 'ping', '-q', '-i', '0.005', '-I', ends[1], ends[0]];
  const another = async (before: number | undefined): Promise<void> => {
    await until(
      'another BIRD',
      async () => {
        const { pid } = (await birdOf(directory, first, run)) ?? {};
        return pid !== undefined && pid !== before && (await isReady(lab, first));
      },
      GENEROUS_MS,
    );
  };
  const changes: readonly (readonly [string, () => Promise<void>])[] = [
    ['BIRD is killed', () => killBird(directory, first, effects)],
    [
      'the whole sidecar is killed',
      async () => {
        await killSidecar(directory, first, effects);
        await clock.sleep(1_000);
        startSidecar(directory, first, record);
      },
    ],
    [
      'all are restarted in turn',
      () => {
        const rolling = { ...effects, isReady: (node: LabNode) => isReady(lab, node) };
        return rollSidecars({ directory, record }, plan.nodes, rolling);
      },
    ],
  ];
  return { pinger, another, changes };
}

test('BIRDs of nodes in racks, and their routers', { timeout: 290_000 }, async (t) => {
  assert.ok(bird !== undefined, 'sh scripts/setup.sh lab has unpacked BIRD');
  const options = {
    nodeCount: 3,
    underlay: 'routed',
    segmentCount: 3,
    podsPerNode: 0,
    bird,
  } as const;
  await withLab(options, async (lab) => {
    const { run } = effects;
    const { directory, plan } = lab;
    // The routers are those of a lab whose agents speak BGP.
    const backend = 'bgp' as BackendType;
    const podNetworks = [NETWORK];
    const routed = planLab({ ...plan.spec, backend, podNetworks });
    await startRouters(run, routed, { directory, bird });
    for (const node of plan.nodes) {
      assert.ok(inNode(node, `ip address add ${subnetOf(lab, node)}.0/32 dev lo`));
      writeFileSync(join(directory.node(node.name).birdDir, 'bird.conf'), confOf(lab, node));
    }
    const [first, second, third] = plan.nodes;
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    const reaches = (to: LabNode): boolean =>
      inNode(first, `ping -c 1 -W 1 -I ${subnetOf(lab, first)}.0 ${subnetOf(lab, to)}.0`);
    await until('routes through the racks', () => reaches(second) && reaches(third), GENEROUS_MS);

    const { pinger, another, changes } = restartsOf(lab, first, second);
    for (const [name, change] of changes) {
      await t.test(name, async (inner) => {
        const before = (await birdOf(directory, first, run))?.pid;
        const { sent, lost } = await lostDuring(pinger, async () => {
          await change();
          await another(before);
        });
        inner.diagnostic(`${sent} packets, ${lost} lost`);
        // The one that was under way when the counting ended may be missing.
        assert.ok(sent > 50 && lost <= 1, `${lost} of ${sent} lost`);
      });
    }
  });
});
