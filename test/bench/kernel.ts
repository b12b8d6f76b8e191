// How fast a node's peers come into the kernel and are read back: 5,000 peers of one neighbour, FDB
// entry, nexthop and route each, against `ip -batch` and `bridge -batch` doing the same in the same
// run. Needs root; prints one line of JSON.

import { execFileSync } from 'node:child_process';
import { openKernel } from '../../src/kernel/linux.ts';
import { NetnsRegistry } from '../../src/kernel/netns.ts';
import { silentLog } from '../../src/lib/log.ts';
import {
  add,
  cidr,
  fdb,
  ip,
  mac,
  neighbour,
  nexthop,
  onVxlan,
  remove,
  route,
  routeTo,
  SCOPE,
} from '../conformance/world.ts';
import { TestNamespace } from '../system/namespaces.ts';

const PEERS = 5000;
const ROUNDS = 5;

const peers = Array.from({ length: PEERS }, (_, index) => {
  const [high, low] = [1 + (index >> 8), index & 255];
  const hex = (byte: number): string => byte.toString(16).padStart(2, '0');
  return {
    gateway: ip(`10.${high}.${low}.0`),
    mac: mac(0).replace('00:00:00', `${hex(high)}:${hex(low)}:00`) as ReturnType<typeof mac>,
    remote: ip(`192.168.${high}.${low}`),
    id: index + 1,
  };
});

const objects = [
  ...peers.map((peer) => neighbour({ link: 'poplin4-1', address: peer.gateway, mac: peer.mac })),
  ...peers.map((peer) => fdb({ link: 'poplin4-1', mac: peer.mac, remote: peer.remote })),
  ...peers.map(({ gateway }) => nexthop(onVxlan(gateway))),
  ...peers.map(({ gateway }) =>
    route({
      ...routeTo(cidr(`${gateway}/24`), { kind: 'nexthop', link: 'poplin4-1', gateway }),
      mtuBytes: 1400,
    }),
  ),
];

function namespaceWithVxlan(): TestNamespace {
  const namespace = new TestNamespace('bench');
  for (const command of [
    'ip link add eth0 type veth peer name eth1',
    'ip addr add 192.168.0.1/16 dev eth0',
    'ip link set eth0 up',
    'ip link set eth1 up',
    'ip link add poplin4-1 type vxlan id 1 local 192.168.0.1 dev eth0 dstport 8472 nolearning',
    'ip link set poplin4-1 up',
  ]) {
    namespace.run(command);
  }
  return namespace;
}

/** iproute2 doing the same; its three processes are started within the time. */
function byPrograms(): number {
  using namespace = namespaceWithVxlan();
  const dev = 'dev poplin4-1';
  const lines = (line: (peer: (typeof peers)[number]) => string): string =>
    `${peers.map(line).join('\n')}\n`;
  const inputs = [
    ['ip', lines((peer) => `neigh add ${peer.gateway} lladdr ${peer.mac} ${dev} nud permanent`)],
    ['bridge', lines((peer) => `fdb add ${peer.mac} ${dev} dst ${peer.remote} self permanent`)],
    [
      'ip',
      lines((peer) => `nexthop add id ${peer.id} via ${peer.gateway} ${dev} onlink proto 113`) +
        lines((peer) => `route add ${peer.gateway}/24 nhid ${peer.id} metric 16 mtu 1400`),
    ],
  ] as const;
  const start = performance.now();
  for (const [program, input] of inputs) {
    execFileSync(program, ['-n', namespace.name, '-batch', '-'], { input });
  }
  return performance.now() - start;
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const median = (values: readonly number[]): number =>
  Number((values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0).toFixed(1));

const times = {
  programs: [] as number[],
  add: [] as number[],
  addWatched: [] as number[],
  read: [] as number[],
  remove: [] as number[],
};

for (let round = 0; round < ROUNDS; round += 1) {
  times.programs.push(byPrograms());
  for (const isWatched of [false, true]) {
    using namespace = namespaceWithVxlan();
    const kernel = openKernel({
      netns: namespace.fd,
      procSysRoot: '/proc/sys/net',
      netnsRegistry: new NetnsRegistry(),
      log: silentLog,
    });
    kernel.read(SCOPE);
    const stop = isWatched ? kernel.watch(() => undefined) : () => undefined;
    const addMs = await timed(() => kernel.apply(objects.map(add)));
    (isWatched ? times.addWatched : times.add).push(addMs);
    times.read.push(await timed(() => kernel.read(SCOPE)));
    times.remove.push(await timed(() => kernel.apply(objects.toReversed().map(remove))));
    stop();
    kernel.close();
  }
}

const result = {
  peers: PEERS,
  programsMs: median(times.programs),
  addMs: median(times.add),
  addWatchedMs: median(times.addWatched),
  readMs: median(times.read),
  removeMs: median(times.remove),
  ratio: Number((median(times.addWatched) / median(times.programs)).toFixed(2)),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
