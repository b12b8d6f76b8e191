// A node with everything around it, in network namespaces, for the tests of our nftables rules: a
// pod on its host veth, an underlay on which other nodes and hosts live, and an outside network
// behind another link. Every namespace has a probe process (udp-probe.ts). Needs root.
//
//   pod ── poplin000000001 [node] eth0 ── out (a node, a host, a pod of another node)
//                                 eth1 ── ext (clients outside)

import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PORT = 7777;
const ANSWER_TIMEOUT_MS = 400;
const READY_TIMEOUT_MS = 60_000;
/** On a busy machine an answer may take longer than it is waited for. */
const QUESTIONS_MAX = 50;

/** Names of places end in the family: `pod4` is the pod's IPv4 address. */
export const ADDRESSES = {
  ...{ pod4: '10.244.1.5', pod6: 'fd00:10:244:1::5' },
  ...{ subnet4: '10.244.1.0', subnet6: 'fd00:10:244:1::' },
  ...{ self4: '192.0.2.1', self6: '2001:db8::1' },
  ...{ node4: '192.0.2.2', node6: '2001:db8::2' },
  ...{ host4: '192.0.2.3', host6: '2001:db8::3' },
  ...{ remotePod4: '10.244.2.5', remotePod6: 'fd00:10:244:2::5' },
  ...{ excluded4: '198.51.100.7', excluded6: '2001:db8:51::7' },
  ...{ client4: '203.0.113.9', client6: '2001:db8:113::9' },
  ...{ gateway4: '203.0.113.1', gateway6: '2001:db8:113::1' },
} as const;

export const SPOOFED = { spoofed4: '10.244.1.99', spoofed6: 'fd00:10:244:1::99' } as const;

const A = ADDRESSES;
export type Place = 'pod' | 'node' | 'out' | 'ext';
const PLACES: readonly Place[] = ['pod', 'node', 'out', 'ext'];

type Seen = { readonly payload: string; readonly from: string; readonly to: string };

export type Probe = {
  /** The source that the receiver saw, or null when no answer came in a moment. */
  ask(from: string, to: string): Promise<string | null>;
  /** Asks until an answer comes; null when none of many came. */
  hear(from: string, to: string): Promise<string | null>;
  /** Like `ask`, but says what arrived, though the answer may find no way back. */
  send(from: string, to: string): Promise<string>;
  /** Everything that arrived here. */
  readonly seen: readonly Seen[];
};

export type Lab = {
  readonly probes: Readonly<Record<Place, Probe>>;
  /** Runs a program in a namespace and returns its output; a failure fails the test. */
  run(place: Place, command: string, stdin?: string): string;
  close(): Promise<void>;
};

function sh(command: string, stdin = ''): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', command], {
    input: stdin,
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${command}\n${stderr}`);
  return stdout;
}

const SERVED: Readonly<Record<Place, readonly string[]>> = {
  pod: [A.pod4, A.pod6],
  node: [A.self4, A.self6, A.subnet4, A.subnet6],
  out: [A.node4, A.node6, A.host4, A.host6, A.remotePod4, A.remotePod6, A.excluded4, A.excluded6],
  ext: [A.client4, A.client6],
};

/** Addresses and routes; `$POD` and so on are the names of the namespaces. */
const SETUP = `
ip link add poplin000000001 netns $NODE type veth peer name eth0 netns $POD
ip link add eth0 netns $NODE type veth peer name eth0 netns $OUT
ip link add eth1 netns $NODE type veth peer name eth0 netns $EXT
for namespace in $POD $NODE $OUT $EXT; do
  ip netns exec $namespace sh -c '
    for file in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $file; done
    for link in lo eth0 eth1 poplin000000001; do
      [ ! -e /sys/class/net/$link ] || ip link set $link up
    done'
done
ip -n $NODE link set poplin000000001 group 113
ip netns exec $NODE sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward
  echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
ip -n $NODE -batch - <<END
address add 169.254.1.1/32 dev poplin000000001
address add fe80::1/64 dev poplin000000001 nodad
address add ${A.self4}/24 dev eth0
address add ${A.self6}/64 dev eth0 nodad
address add ${A.gateway4}/24 dev eth1
address add ${A.gateway6}/64 dev eth1 nodad
address add ${A.subnet4}/32 dev lo
address add ${A.subnet6}/128 dev lo nodad
route add ${A.pod4} dev poplin000000001
route add ${A.pod6} dev poplin000000001
route add unreachable ${A.subnet4}/24
route add unreachable ${A.subnet6}/64
route add 10.244.2.0/24 via ${A.node4} src ${A.subnet4}
route add fd00:10:244:2::/64 via ${A.node6} src ${A.subnet6}
route add 198.51.100.0/24 via ${A.node4}
route add 2001:db8:51::/64 via ${A.node6}
END
ip -n $POD -batch - <<END
address add ${A.pod4}/32 dev eth0
address add ${A.pod6}/128 dev eth0 nodad
route add default via 169.254.1.1 dev eth0 onlink
route add default via fe80::1 dev eth0
address add ${SPOOFED.spoofed4}/32 dev lo
address add ${SPOOFED.spoofed6}/128 dev lo nodad
END
ip -n $OUT -batch - <<END
address add ${A.node4}/24 dev eth0
address add ${A.node6}/64 dev eth0 nodad
address add ${A.host4}/24 dev eth0
address add ${A.host6}/64 dev eth0 nodad
address add ${A.remotePod4}/32 dev lo
address add ${A.remotePod6}/128 dev lo nodad
address add ${A.excluded4}/32 dev lo
address add ${A.excluded6}/128 dev lo nodad
route add default via ${A.self4}
route add default via ${A.self6}
END
ip -n $EXT -batch - <<END
address add ${A.client4}/24 dev eth0
address add ${A.client6}/64 dev eth0 nodad
route add default via ${A.gateway4}
route add default via ${A.gateway6}
END
`;

const nameOf = (place: Place): string => `pn-${place}-${process.pid}`;

export async function createLab(): Promise<Lab> {
  const children: ChildProcessWithoutNullStreams[] = [];
  const close = async (): Promise<void> => {
    for (const child of children) {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    }
    for (const place of PLACES) spawnSync('ip', ['netns', 'delete', nameOf(place)]);
  };
  try {
    const variables = PLACES.map((place) => `${place.toUpperCase()}=${nameOf(place)}`).join('\n');
    for (const place of PLACES) sh(`ip netns add ${nameOf(place)}`);
    sh(`${variables}\n${SETUP}`);
    const started = PLACES.map((place) => {
      const child = startProbe(place);
      children.push(child);
      return probeOf(child);
    });
    const [pod, node, out, ext] = await Promise.all(started);
    assert.ok(pod && node && out && ext);
    const run = (place: Place, command: string, stdin?: string): string =>
      sh(`ip netns exec ${nameOf(place)} ${command}`, stdin);
    return { probes: { pod, node, out, ext }, run, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const startProbe = (place: Place): ChildProcessWithoutNullStreams =>
  spawn(
    'ip',
    ['netns', 'exec', nameOf(place), 'sh', `${ROOT}scripts/node.sh`].concat(
      `${ROOT}test/system/udp-probe.ts`,
      `${PORT}`,
      SERVED[place],
    ),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );

async function probeOf(child: ChildProcessWithoutNullStreams): Promise<Probe> {
  const seen: Seen[] = [];
  const waiting = new Map<string, (text: string | null) => void>();
  const ready = Promise.withResolvers<void>();
  let problem = '';
  child.stderr.on('data', (chunk) => {
    problem += String(chunk);
  });
  child.once('exit', () => ready.reject(new Error(`a probe ended: ${problem}`)));
  const giveUp = setTimeout(() => ready.reject(new Error('no probe')), READY_TIMEOUT_MS);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line);
    if (message.ready) ready.resolve();
    if (message.seen) seen.push(message.seen);
    if (message.answer) waiting.get(message.answer.payload)?.(message.answer.text);
  });
  await ready.promise.finally(() => clearTimeout(giveUp));
  let count = 0;
  const ask = (from: string, to: string): Promise<string | null> => {
    count += 1;
    const payload = `${child.pid}-${count}`;
    const { promise, resolve } = Promise.withResolvers<string | null>();
    waiting.set(payload, resolve);
    const question = { from, to, payload, timeoutMs: ANSWER_TIMEOUT_MS };
    child.stdin.write(`${JSON.stringify(question)}\n`);
    return promise.finally(() => waiting.delete(payload));
  };
  const hear = async (from: string, to: string): Promise<string | null> => {
    for (let questions = 0; questions < QUESTIONS_MAX; questions += 1) {
      const seen = await ask(from, to);
      if (seen !== null) return seen;
    }
    return null;
  };
  const send = async (from: string, to: string): Promise<string> => {
    await ask(from, to);
    return `${child.pid}-${count}`;
  };
  return { ask, hear, send, seen };
}
