// Node 1 as net-conf.json says, against routers that somebody wrote by hand: the text goes through
// the parser, the sessions and the renderer that the agent uses, passwords through its files. What
// came of it is read where users would: BIRD's sessions, the kernel's routes and its counters.

import type { Passwords } from '../../../src/bgp/passwords.ts';
import { renderBird } from '../../../src/bgp/render.ts';
import { speakerOf } from '../../../src/bgp/speaker.ts';
import type { LocalAddress, Speaker } from '../../../src/bgp/speaker-types.ts';
import { bgpSettings, speakerInput } from '../../fake/bgp.ts';
import type { TestNamespace } from '../namespaces.ts';
import type { Bird } from './bird.ts';
import { until } from './bird.ts';

/** Of the nodes; `BGP.AS` is not set in these tests. */
export const NODE_AS = 64_512;

/** `further`: addresses that it has beside its own. */
export const speakerBy = (bgp: object, further: readonly LocalAddress[] = []): Speaker => {
  const input = speakerInput(bgpSettings(bgp), 1);
  return speakerOf({ ...input, addresses: [...input.addresses, ...further] });
};

export const confBy = (bgp: object, passwords: Passwords = new Map()): string =>
  renderBird(speakerBy(bgp), passwords);

type Family = 'ipv4' | 'ipv6';
const familyOf = (text: string): Family => (text.includes(':') ? 'ipv6' : 'ipv4');

export type Router = {
  readonly address: string;
  readonly as?: number;
  /** Of the node's session: its address or a range, how far away it is, its password. */
  readonly neighbour?: string;
  readonly session?: string;
  /** What it announces, each with the statements that its export filter has for it. */
  readonly routes?: readonly (readonly [net: string, statements?: string])[];
};

/** bird.conf of a router; its session is called `node`. */
export function routerConf(router: Router): string {
  const { address, as = 65_001, session = 'direct;', routes = [] } = router;
  const family = familyOf(address);
  const { neighbour = family === 'ipv4' ? '192.168.77.11' : 'fd77::b' } = router;
  const dressed = routes.map(
    ([net, statements = '']) => `if net = ${net} then { ${statements} accept; }`,
  );
  const id = family === 'ipv4' ? address : '192.168.77.9';
  return `log stderr all; router id ${id}; protocol device {}
protocol static { ${family}; ${routes.map(([net]) => `route ${net} blackhole;`).join(' ')} }
protocol bgp node { local ${address} as ${as}; neighbor ${neighbour} as ${NODE_AS}; ${session}
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ${family} { import all; export filter { ${dressed.join(' ')} reject; }; }; }
`;
}

type KernelRoute = {
  readonly dst: string;
  readonly gateway?: string;
  readonly nexthops?: readonly { readonly gateway?: string }[];
};

/** Where BIRD's routes of the main table lead, in order. */
export function hopsOf(node: TestNamespace): ReadonlyMap<string, readonly string[]> {
  const routes = ['-4', '-6'].flatMap(
    (family) => JSON.parse(node.run(`ip -j ${family} route show proto bird`)) as KernelRoute[],
  );
  return new Map(
    routes.map(({ dst, gateway, nexthops = [{ gateway: gateway ?? '' }] }) => [
      dst,
      nexthops.map((hop) => hop.gateway ?? '').sort(),
    ]),
  );
}

/** Networks that BIRD's routes lead to, in order. */
export const netsOf = (node: TestNamespace): string => [...hopsOf(node).keys()].sort().join();

/** How many routes a session has heard, whatever became of them. */
export function heard(bird: Bird, session: string): number {
  const said = bird.ask(`show protocols all ${session}`);
  const counts = [...said.matchAll(/Import (?:updates|withdraws): +(\d+)/g)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** A counter of the namespace's own IP or TCP, as `TcpExt TCPMinTTLDrop`. */
export function counted(node: TestNamespace, name: string): number {
  const [group = '', counter = ''] = name.split(' ');
  const lines = node.run('cat /proc/net/netstat /proc/net/snmp').split('\n');
  const [names = [], values = []] = lines
    .filter((line) => line.startsWith(`${group}: `))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf(counter)]);
}

/** Enough that every side has tried, and the session is not there. */
const REFUSED_MIN = 3;

/** Waits until the kernel has refused a session's packets for the one reason that is expected. */
export async function isRefused(
  node: TestNamespace,
  name: string,
  ...sessions: readonly (readonly [bird: Bird, session: string])[]
): Promise<boolean> {
  const before = counted(node, name);
  await until(`${name} grows`, () => counted(node, name) >= before + REFUSED_MIN);
  return sessions.every(([bird, session]) => !bird.isEstablished(session));
}
