// Racks whose nodes have two routers to speak BGP with: the lab's own, by which the racks are
// connected, and a second one, a BIRD in a namespace of its own. A router that dies from one moment
// to the next is routed around within the BFD time, by the other one's routes; and where no router
// is left that speaks BGP, by VXLAN.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { processesIn } from '../../src/lab/down.ts';
import type { LabPlan } from '../../src/lab/plan.ts';
import type { MeasurementResult } from '../../src/lab/prober/measurement.ts';
import { sendSignal } from '../../src/lab/processes.ts';
import { addressAt, cidrLengthBits } from '../../src/net/cidr.ts';
import { bird, untilAllBgp } from '../lab/birds.ts';
import type { TestLab } from '../lab/lab.ts';
import { effects, until, withLab } from '../lab/lab.ts';
import { assertNothingLost, whileProbing } from '../lab/probing.ts';
import { Bird } from '../system/bgp/bird.ts';
import { TestNamespace } from '../system/namespaces.ts';

const DUAL = ['ipv4', 'ipv6'] as const;
const TIMEOUT_MS = 600_000;
const UP_TIMEOUT_MS = 180_000;
const BIRD_TIMEOUT_MS = 120_000;
const SECOND_AS = 65_050;
const SECOND_HOST = 2n;
/** By default a peer is dead after three packets of BFD that did not come, one each 300 ms. */
const BFD_MS = 900;
/** For machines that are slow. Without BFD it would be the hold time, ten times as long. */
const REACTION_MS = 2_100;

/** What both racks are connected by as well, and by fewer routers than the lab's. */
class SecondRouter implements AsyncDisposable {
  readonly #netns = new TestNamespace('tor');
  readonly #bird: Bird;
  readonly #plan: LabPlan;

  constructor({ plan }: TestLab) {
    const { segments, fabricNetns } = plan;
    const run = (commandLine: string): string => this.#netns.run(commandLine);
    const sysctls = [
      'ipv4.ip_forward=1',
      'ipv6.conf.all.forwarding=1',
      'ipv4.conf.all.rp_filter=0',
    ];
    for (const sysctl of sysctls) run(`sysctl -qw net.${sysctl}`);
    run('ip link set lo up');
    this.#plan = plan;
    for (const [index, segment] of segments.entries()) {
      const peer = `peer name eth${index} netns ${this.#netns.name}`;
      const words = `-n ${fabricNetns} link add second${index} type veth ${peer}`;
      execFileSync('ip', words.split(' '));
      const join = `-n ${fabricNetns} link set second${index} master ${segment.bridge}`;
      execFileSync('ip', join.split(' '));
      run(`ip link set eth${index} up`);
      for (const network of segment.networks) {
        const address = `${addressAt(network, SECOND_HOST)}/${cidrLengthBits(network)}`;
        run(`ip address add ${address} dev eth${index}${address.includes(':') ? ' nodad' : ''}`);
      }
    }
    this.turn('up');
    this.#bird = new Bird(this.#netns.name, confOf(plan));
  }

  /** `down`: for all others as a machine that has lost its power. */
  turn(how: 'up' | 'down'): void {
    for (const [index] of this.#plan.segments.entries()) {
      const words = `-n ${this.#plan.fabricNetns} link set second${index} ${how}`;
      execFileSync('ip', words.split(' '));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bird[Symbol.asyncDispose]();
    this.#netns[Symbol.dispose]();
  }
}

function confOf({ segments, nodes, spec }: LabPlan): string {
  const families = spec.podNetworks.map((pods, position) => {
    const v = pods.includes(':') ? 6 : 4;
    const sessions = nodes.map(({ name, segment, addresses }) => {
      const [own = '', rack] = [segment.networks[position], segments.indexOf(segment)];
      const local = own === '' ? '' : addressAt(own, SECOND_HOST);
      return `protocol bgp ${name}_${v} from node${v} { local ${local} as ${SECOND_AS};
  neighbor ${addresses[position]} as ${65_100 + rack}; }`;
    });
    return `protocol kernel kernel${v} { scan time 10;
  ipv${v} { import none; export where source = RTS_BGP; }; }
template bgp node${v} { strict bind; passive; bfd graceful; error wait time 1,4;
  ipv${v} { import where net ~ [ ${pods}+ ]; export where net ~ [ ${pods}+ ]; next hop self; }; }
${sessions.join('\n')}`;
  });
  return `log stderr all;
router id 10.255.1.1;
protocol device { scan time 10; }
protocol direct { ipv4; ipv6; interface "eth*"; }
protocol bfd { strict bind yes; interface "eth*" { interval 300 ms; multiplier 3; }; }
${families.join('\n')}
`;
}

type Peer = Readonly<Record<string, unknown>>;

/** All nodes get a session with the second router of their rack beside the one that they have. */
async function withSecondPeers(lab: TestLab): Promise<void> {
  const { BGP } = JSON.parse(await lab.datastore.netConfText()) as { BGP: { Peers: Peer[] } };
  const more = BGP.Peers.map((peer, index) => {
    const network = lab.plan.segments[Math.floor(index / 2)]?.networks[index % 2];
    assert.ok(network !== undefined);
    const Address = addressAt(network, SECOND_HOST);
    return { ...peer, Name: `second-${index}`, Address, AS: SECOND_AS };
  });
  await lab.edit({ BGP: { ...BGP, Peers: [...BGP.Peers, ...more] } });
}

/** The last part of the addresses that BIRD's routes of a node lead over: 1 is the lab's router. */
function routersOf(lab: TestLab, nodeName: string): string {
  const found = ['-4', '-6'].flatMap((family) => [
    ...lab.run(nodeName, `ip ${family} route show proto bird`).matchAll(/ via \S*\b(\w+) dev /g),
  ]);
  return [...new Set(found.map(([, host]) => host))].sort().join();
}

const allLeadOver = (lab: TestLab, routers: string) => (): boolean =>
  lab.plan.nodes.every(({ name }) => routersOf(lab, name) === routers);

/** Packets that could not know of the death, and none after that. */
function assertRoutedAround(result: MeasurementResult): void {
  const gapsMs = result.pairs.map(({ longestGapMs }) => longestGapMs);
  const lost = result.pairs.filter((pair) => pair.lost > 0);
  assert.ok(lost.length > 0, 'what died was of no use');
  assert.ok(Math.max(...gapsMs) <= BFD_MS + REACTION_MS, JSON.stringify(lost, null, 1));
  assert.deepEqual(
    result.streams.filter(({ broken }) => broken),
    [],
  );
}

test('dead routers of racks are routed around', { timeout: TIMEOUT_MS }, async (t) => {
  const racks = { underlay: 'routed', segmentCount: 2, nodeCount: 4 } as const;
  const spec = { backend: 'bgp', families: DUAL, bird, timeoutMs: UP_TIMEOUT_MS } as const;
  await withLab({ ...spec, ...racks }, async (lab) => {
    await untilAllBgp(lab);
    await using second = new SecondRouter(lab);

    await t.test('further peers are added, and their routes used', async () => {
      const work = async (): Promise<void> => {
        await withSecondPeers(lab);
        await untilAllBgp(lab);
        await until('shorter ways', allLeadOver(lab, '1,2'), BIRD_TIMEOUT_MS);
      };
      assertNothingLost(await whileProbing(lab, work));
      await lab.mustReach();
    });

    await t.test('one of two routers dies', async (inner) => {
      const result = await whileProbing(lab, async () => {
        second.turn('down');
        await until('the other router', allLeadOver(lab, '1'), BIRD_TIMEOUT_MS);
      });
      const gapsMs = result.pairs.map(({ longestGapMs }) => longestGapMs);
      inner.diagnostic(`the longest gap was ${Math.max(...gapsMs)} ms`);
      assertRoutedAround(result);
      await lab.mustReach();
    });

    await t.test('it comes back', async () => {
      const work = async (): Promise<void> => {
        second.turn('up');
        await untilAllBgp(lab);
        await until('shorter ways', allLeadOver(lab, '1,2'), BIRD_TIMEOUT_MS);
      };
      assertNothingLost(await whileProbing(lab, work));
    });

    await t.test('the last BIRD of a router dies, and VXLAN takes over', async () => {
      second.turn('down');
      await until('the other router', allLeadOver(lab, '1'), BIRD_TIMEOUT_MS);
      const work = async (): Promise<void> => {
        const birds = await processesIn(effects.run, lab.plan.fabricNetns);
        assert.ok(birds.length > 0);
        for (const each of birds) sendSignal(each, 'SIGKILL');
        for (const { name } of lab.plan.nodes) {
          await lab.untilStatus(name, 'is on VXLAN', ({ peers }) =>
            peers.every(({ used }) => used === 'vxlan'),
          );
        }
      };
      assertNothingLost(await whileProbing(lab, work));
      await lab.mustReach();
    });
  });
});
