// What tests of a node's addresses do: give it others, as ip(8) and the kubelet would, and wait
// until all pairs of the lab reach each other again.

import assert from 'node:assert/strict';
import type { Status } from '../../src/agent/status.ts';
import { checkReachability } from '../../src/lab/check.ts';
import { endpointsOf } from '../../src/lab/endpoints.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { TestLab } from './lab.ts';
import { until } from './lab.ts';
import { logOf } from './words.ts';

/** The node whose addresses change, and its link. */
export const NODE = 'node2';
export const LINK = 'eth0';
const RECOVERY_TIMEOUT_MS = 120_000;
/** Of each probe: short, since a lost one is asked again as long as it takes. */
const PROBE_TIMEOUT_MS = 400;
/** A machine may be so busy that no probe is ever answered in that time. */
const SLOWER_EACH_TIME = 1.3;

/** The same lab, where the node has other addresses. */
export function readdressed(lab: TestLab, addresses: readonly Ip[], name = NODE): TestLab {
  const nodes = lab.plan.nodes.map((node) => (node.name === name ? { ...node, addresses } : node));
  return lab.withPlan({ ...lab.plan, nodes });
}

/** Addresses that nobody has, on the segment of the old ones. */
export const movedFrom = (addresses: readonly Ip[], host: number): Ip[] =>
  addresses.map((ip) => ip.replace(/[0-9a-f]+$/, String(host)) as Ip);

const lengthOf = (ip: Ip): number => (familyOf(ip) === 'ipv4' ? 24 : 64);

export const addAddresses = (lab: TestLab, ips: readonly Ip[], link = LINK): void => {
  for (const ip of ips) {
    const nodad = familyOf(ip) === 'ipv6' ? ' nodad' : '';
    lab.run(NODE, `ip address add ${ip}/${lengthOf(ip)} dev ${link}${nodad}`);
  }
};

export const removeAddresses = (lab: TestLab, ips: readonly Ip[], link = LINK): void => {
  for (const ip of ips) lab.run(NODE, `ip address del ${ip}/${lengthOf(ip)} dev ${link}`);
};

export const sayInternalIps = (lab: TestLab, ips: readonly Ip[]): Promise<void> =>
  lab.api.sayInternalIps(NODE, ips);

/** All pairs, tried until each has worked; returns the time since `startedMs`. */
export async function reachesAgain(lab: TestLab, startedMs: number): Promise<number> {
  const stop = new AbortController().signal;
  let failed = '';
  let timeoutMs = PROBE_TIMEOUT_MS;
  await until(
    'all pairs reach each other',
    async () => {
      const endpoints = endpointsOf(lab.plan, lab.directory);
      const { pairs } = await checkReachability(endpoints, { timeoutMs, stop });
      timeoutMs *= SLOWER_EACH_TIME;
      const bad = pairs.filter(({ ok }) => !ok);
      failed = JSON.stringify(bad.slice(0, 3));
      return bad.length === 0;
    },
    RECOVERY_TIMEOUT_MS,
  ).catch(async (error: unknown) => {
    const status = JSON.stringify(await lab.status(NODE), null, 1);
    assert.fail(`${String(error)}: ${failed}; ${NODE}: ${status}`);
  });
  return performance.now() - startedMs;
}

const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export const wordsOf = (times: readonly number[]): string =>
  `all pairs again after a median of ${medianOf(times).toFixed(0)} ms ` +
  `(${times.map((ms) => ms.toFixed(0)).join(', ')})`;

export const usesAddresses =
  (ips: readonly Ip[], link = LINK) =>
  ({ underlay, ready }: Status): boolean =>
    ready &&
    underlay.length === ips.length &&
    underlay.every((each) => ips.includes(each.address as Ip) && each.link === link);

/** The process of the agent is the same before and after. */
export async function withoutRestart(lab: TestLab, work: () => Promise<void>): Promise<void> {
  const before = lab.plan.nodes.map(({ name }) => lab.agent(name));
  await work();
  const after = lab.plan.nodes.map(({ name }) => lab.agent(name));
  assert.deepEqual(after, before);
  for (const { name } of lab.plan.nodes) {
    const starts = logOf(lab, name).match(/"msg":"starting"/g) ?? [];
    assert.equal(starts.length, 1, `${name} started once`);
  }
}

/** Every other node sends to these addresses. */
export async function untilPeersFollow(
  lab: TestLab,
  ips: readonly Ip[],
  backend: 'vxlan' | 'host-gw',
): Promise<void> {
  for (const { name } of lab.plan.nodes) {
    if (name === NODE) continue;
    await until(`${name} sends to ${ips}`, () => {
      const text =
        backend === 'vxlan' ? lab.run(name, 'bridge fdb show') : lab.run(name, 'ip nexthop show');
      return ips.every((ip) => text.includes(`${ip} `));
    });
  }
}
