// The two questions that the doctor sends into the network by itself: whether the nodes of silent
// peers answer a ping at their own addresses, and whether another machine has one of this node's.

import type { ClusterNode } from '../../cluster/node.ts';
import { reachOf } from '../../cluster/reach.ts';
import { whoElseHas } from '../../kernel/arp-probe.ts';
import { EchoSocket } from '../../kernel/echo-socket.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import type { Ip } from '../../net/ip.ts';
import { familyOf } from '../../net/ip.ts';
import type { KernelState } from '../../state/kernel-state.ts';
import type { DuplicateAddress, Known } from '../facts.ts';
import { known, unknown } from '../facts.ts';

const PEERS_MAX = 20;
const PINGS = 3;
const PING_BYTES = 84;
const ANSWER_WITHIN_MS = 400;
const POLL_MS = 20;

export type PingParts = {
  readonly clock: Clock;
  readonly identifier: number;
};

/** Up to the first twenty of them: each answer is about one peer, a pattern needs no more. */
export async function pingNodes(
  nodes: readonly ClusterNode[],
  { clock, identifier }: PingParts,
): Promise<ReadonlyMap<Ip, boolean>> {
  const addresses = nodes.flatMap((node) => reachOf(node)?.underlay ?? []).slice(0, PEERS_MAX);
  const answers = new Map(addresses.map((ip) => [ip, false]));
  if (addresses.length === 0) return answers;
  const echo = new EchoSocket({ mark: 0, identifier });
  echo.listen((from) => {
    if (answers.has(from)) answers.set(from, true);
  });
  const waiting = (): Ip[] => addresses.filter((ip) => answers.get(ip) !== true);
  try {
    for (let sequence = 1; sequence <= PINGS && waiting().length > 0; sequence += 1) {
      for (const destination of waiting()) {
        echo.send({ destination, sequence, packetBytes: PING_BYTES, isMarked: false });
      }
      const endMs = clock.monotonicMs() + ANSWER_WITHIN_MS;
      while (waiting().length > 0 && clock.monotonicMs() < endMs) await clock.sleep(POLL_MS);
    }
    return answers;
  } finally {
    echo.close();
  }
}

/** Of IPv4: for IPv6 the kernel asks by itself, and marks what is taken. */
export async function findDuplicates(
  addresses: readonly Ip[],
  kernel: Known<KernelState>,
  clock: Clock,
): Promise<Known<readonly DuplicateAddress[]>> {
  if (!kernel.known) return unknown(kernel.why);
  const { links, addresses: all } = kernel.value;
  const macs = new Set([...links.values()].map(({ mac }) => mac));
  const questions = [...all.values()].flatMap(({ address, link }) => {
    const own = links.get(link);
    const isAsked = addresses.includes(address) && familyOf(address) === 'ipv4';
    return own === undefined || !isAsked ? [] : [{ address, link, own: own.mac }];
  });
  try {
    const found = await Promise.all(
      questions.map(async (question) => {
        const others = await whoElseHas(question, clock);
        const { address, link } = question;
        // Another link of this node may answer on the same network.
        return others.filter((mac) => !macs.has(mac)).map((mac) => ({ address, link, mac }));
      }),
    );
    return known(found.flat());
  } catch (error) {
    return unknown(`the network cannot be asked: ${describeError(error)}`);
  }
}
