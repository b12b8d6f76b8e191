// What somebody can do to a node's network: for each kind of object a shell line that does the
// harm, one that succeeds when the last step of the repair is done, and one for all of it, which
// takes longer to look at. Lines run in the node's namespace.

import assert from 'node:assert/strict';
import type { Status } from '../../src/agent/status.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { cidrAddress } from '../../src/net/cidr.ts';
import type { Family } from '../../src/net/family.ts';
import type { TestLab } from './lab.ts';

export type Drift = {
  readonly kind: string;
  readonly harm: string;
  readonly isBack: string;
  readonly isWhole?: string;
};

const DEVICE = 'poplin4-1';

export function driftsOf(lab: TestLab, node: string, peer: string): Drift[] {
  const subnet = subnetOf(lab, peer);
  const gateway = cidrAddress(subnet);
  const underlay = lab.node(peer).addresses[0] ?? assert.fail(`${peer} has no address`);
  const has = (command: string, text: string): string => `${command} | grep -qF -- '${text}'`;
  const neighbours = `ip neighbour show dev ${DEVICE}`;
  const mac = / lladdr (\S+)/.exec(lab.run(node, `${neighbours} to ${gateway}`))?.[1] ?? '';
  assert.notEqual(mac, '', `${node} knows no VTEP of ${peer}`);
  const fdb = `bridge fdb show dev ${DEVICE}`;
  const route = has(`ip route show ${subnet} proto 113 metric 16`, `dev ${DEVICE}`);
  const reach = `${route} && ${has(neighbours, mac)} && ${has(fdb, `${mac} dst ${underlay}`)}`;
  const link = linkTexts(lab, node);
  const whole = `${link.isBack} && ${reach}`;
  return [
    { kind: 'VXLAN device', harm: `ip link del ${DEVICE}`, isBack: route, isWhole: whole },
    { kind: 'VXLAN device, MTU', harm: `ip link set ${DEVICE} mtu 1300`, isBack: link.isBack },
    {
      kind: 'VXLAN device, MAC',
      harm: `ip link set ${DEVICE} address 02:00:00:00:99:99`,
      isBack: link.isBack,
      isWhole: whole,
    },
    {
      kind: 'VXLAN device, down',
      harm: `ip link set ${DEVICE} down`,
      isBack: route,
      isWhole: whole,
    },
    hostVeth(lab, node),
    { kind: 'route', harm: `ip route del ${subnet} proto 113`, isBack: route },
    {
      kind: 'route, elsewhere',
      harm: `ip route replace ${subnet} via ${underlay} proto 113 metric 16`,
      isBack: route,
    },
    {
      kind: 'nexthop',
      harm: `ip nexthop del id $(ip nexthop | sed -n 's/^id \\([0-9]*\\) via ${gateway} .*/\\1/p')`,
      isBack: `${has('ip nexthop', `via ${gateway} `)} && ${route}`,
    },
    {
      kind: 'neighbour',
      harm: `ip neighbour del ${gateway} dev ${DEVICE}`,
      isBack: has(`${neighbours} to ${gateway} nud permanent`, mac),
    },
    {
      kind: 'neighbour, MAC',
      harm: `ip neighbour replace ${gateway} dev ${DEVICE} lladdr 02:00:00:00:99:98 nud permanent`,
      isBack: has(`${neighbours} to ${gateway} nud permanent`, mac),
    },
    {
      kind: 'FDB entry',
      harm: `bridge fdb del ${mac} dev ${DEVICE} dst ${underlay} self`,
      isBack: has(fdb, `${mac} dst ${underlay}`),
    },
    {
      kind: 'FDB entry, elsewhere',
      harm: `bridge fdb replace ${mac} dev ${DEVICE} dst 192.168.100.99 self`,
      isBack: has(fdb, `${mac} dst ${underlay}`),
    },
    ...ownThings(lab, node),
    ...probeRuleDrifts('ipv4'),
    ...nftables(lab, node, underlay),
  ];
}

const subnetOf = (lab: TestLab, node: string): Cidr =>
  lab.podAddress(`${node}-pod1`).replace(/\d+$/, '0/24') as Cidr;

function linkTexts(lab: TestLab, node: string): { readonly isBack: string } {
  const text = lab.run(node, `ip -o link show ${DEVICE}`);
  const [, flags, mtu, mac] =
    /<(\S+)> mtu (\d+) .*link\/ether (\S+)/.exec(text) ?? assert.fail(text);
  const words = [`<${flags}> mtu ${mtu} `, `link/ether ${mac} `];
  const looks = words.map((word) => `ip -o link show ${DEVICE} | grep -qF -- '${word}'`);
  return { isBack: looks.join(' && ') };
}

/** With everything that the pod needs, on both sides. */
function hostVeth(lab: TestLab, node: string): Drift {
  const pod = `${node}-pod1`;
  const address = lab.podAddress(pod);
  const route = JSON.parse(lab.run(node, `ip -j route show ${address}`)) as { dev: string }[];
  const name = route[0]?.dev ?? assert.fail(`no route to ${pod}`);
  const alias = /alias (\S+)/.exec(lab.run(node, `ip -o link show ${name}`).replaceAll('\\', ' '));
  const inPod = `ip -n ${lab.netns(pod)}`;
  // The alias comes last.
  const isBack = `ip link show ${name} | grep -qF -- 'alias ${alias?.[1] ?? assert.fail(name)}'`;
  const isWhole = [
    isBack,
    `ip route show ${address} | grep -qF -- 'dev ${name}'`,
    `${inPod} route show default | grep -q 'dev eth0 .*mtu'`,
    `ping -n -c 1 -W 1 ${address}`,
  ];
  return { kind: 'host veth', harm: `ip link del ${name}`, isBack, isWhole: isWhole.join(' && ') };
}

function ownThings(lab: TestLab, node: string): Drift[] {
  const subnet = subnetOf(lab, node);
  const address = cidrAddress(subnet);
  const setting = (path: string, harm: number, wanted: number): Drift => ({
    kind: `sysctl ${path}`,
    harm: `echo ${harm} > /proc/sys/net/${path}`,
    isBack: `[ "$(cat /proc/sys/net/${path})" = ${wanted} ]`,
  });
  return [
    {
      kind: 'subnet address',
      harm: `ip address del ${address}/32 dev lo`,
      isBack: `ip address show dev lo | grep -qF -- '${address}/32'`,
    },
    {
      kind: 'unreachable route',
      harm: `ip route del unreachable ${subnet} proto 113`,
      isBack: `ip route show ${subnet} | grep -q unreachable`,
    },
    setting('ipv4/ip_forward', 0, 1),
    setting(`ipv4/conf/${DEVICE}/rp_filter`, 1, 0),
  ];
}

/** What leads marked packets to the paths that are tested. */
/** As it is on a node that has tested a path; the agent finds it, and keeps it from then on. */
export async function addProbeRules(lab: TestLab, family: Family): Promise<void> {
  const rule = family === 'ipv6' ? 'ip -6 rule' : 'ip rule';
  for (const { name } of lab.plan.nodes) {
    const { reconcile } = await lab.status(name);
    lab.run(name, `${rule} add priority 113 fwmark 0x1000/0x1000 lookup 113`);
    const isSeen = (status: Status): boolean => status.reconcile.passes > reconcile.passes;
    await lab.untilStatus(name, 'a pass has seen the rule', isSeen);
  }
}

export function probeRuleDrifts(family: Family): Drift[] {
  const rule = family === 'ipv6' ? 'ip -6 rule' : 'ip rule';
  const kind = `${family} rule`;
  const isBack = `${rule} | grep -q '^113:.* fwmark 0x1000/0x1000 lookup 113 *$'`;
  const isWhole = `${isBack} && [ $(${rule} | grep -c '^113:') = 1 ]`;
  const add = `${rule} add priority 113 fwmark 0x1000/0x1000 lookup main`;
  return [
    { kind, harm: `${rule} del priority 113`, isBack, isWhole },
    { kind: `${kind}, elsewhere`, harm: `${rule} del priority 113; ${add}`, isBack, isWhole },
  ];
}

function nftables(lab: TestLab, node: string, underlay: string): Drift[] {
  const table = 'nft list table inet poplin';
  const rules = lab.run(node, table).match(/comment "poplin /g)?.length ?? 0;
  assert.ok(rules > 2, `${node} has too few rules`);
  const allRules = `[ $(${table} | grep -c 'comment "poplin ') = ${rules} ]`;
  const element = `inet poplin nodes4 '{ ${underlay} }'`;
  const hasElement = `nft get element ${element}`;
  const chain = 'inet poplin pods_postrouting';
  const handle = `$(nft -a list chain ${chain} | sed -n 's/.*# handle //p' | tail -n 1)`;
  return [
    {
      kind: 'nftables table',
      harm: 'nft delete table inet poplin',
      isBack: hasElement,
      isWhole: allRules,
    },
    { kind: 'nftables rule', harm: `nft delete rule ${chain} handle ${handle}`, isBack: allRules },
    {
      kind: 'nftables, switched off',
      harm: `nft add table inet poplin '{ flags dormant; }'`,
      isBack: `! ${table} | grep -q 'flags dormant'`,
      isWhole: allRules,
    },
    {
      kind: 'nftables element',
      harm: `nft delete element ${element}`,
      isBack: hasElement,
    },
  ];
}
