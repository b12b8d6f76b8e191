// A node as Flannel leaves it when it is stopped: its devices, with the flags that it gives them, a
// route, neighbour and FDB entry for every other node, its rules of iptables, its annotations, its
// conflist, and pods that Debian's plugins bridge and host-local have attached as Flannel's plugin
// asks them to. That plugin is a script here: it hands on the same configuration, keeps it for the
// DEL, and is all that Debian does not have.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LabNode } from '../../src/lab/plan.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import { cidrAddress, cidrFamily, parseCidr } from '../../src/net/cidr.ts';
import type { Family } from '../../src/net/family.ts';
import { ADDRESS_BITS } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { TestLab } from './lab.ts';

const PREFIX = 'flannel.alpha.coreos.com';
const PLUGINS = '/usr/lib/cni';
const MTU_BYTES = 1450;

const NAMES = {
  ipv4: { ip: '-4', device: 'flannel.1', publicIp: 'public-ip', data: 'backend-data' },
  ipv6: { ip: '-6', device: 'flannel-v6.1', publicIp: 'public-ipv6', data: 'backend-v6-data' },
} as const satisfies Record<Family, object>;

const CONFLIST = {
  name: 'cbr0',
  cniVersion: '0.3.1',
  plugins: [
    { type: 'flannel', delegate: { hairpinMode: true, isDefaultGateway: true } },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

/** `direct`: vxlan with DirectRouting, where all nodes share a segment. */
export type FlannelBackend = 'vxlan' | 'direct' | 'host-gw';

type FlannelHost = {
  readonly node: LabNode;
  readonly subnets: readonly Cidr[];
  readonly backend: FlannelBackend;
};

/** Of all nodes of the lab, which have no agent and nothing of Poplin any more. */
export async function becomeFlannel(lab: TestLab, backend: FlannelBackend): Promise<void> {
  const hosts: FlannelHost[] = [];
  for (const node of lab.plan.nodes) {
    const { spec } = await lab.api.readNode(node.name);
    const subnets = (spec?.podCIDRs ?? []).flatMap((text) => parseCidr(text) ?? []);
    hosts.push({ node, subnets, backend });
  }
  for (const [index, host] of hosts.entries()) {
    if (backend !== 'host-gw') makeDevices(lab, host, index + 1);
    lab.run(host.node.name, 'sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1');
    makeRules(lab, host);
    writeFiles(lab, host);
    await publish(lab, host, index + 1);
  }
  for (const host of hosts) for (const peer of hosts) if (peer !== host) addPeer(lab, host, peer);
}

/** Locally administered and otherwise random, as Flannel makes it; here the same in each run. */
const macOf = (family: Family, number: number): string =>
  `6e:0f:1a:00:0${family === 'ipv4' ? 4 : 6}:0${number}`;

const addressOf = ({ node }: FlannelHost, family: Family): Ip | undefined =>
  node.addresses.find((ip) => familyOf(ip) === family);

function makeDevices(lab: TestLab, host: FlannelHost, number: number): void {
  const lines: string[] = [];
  for (const subnet of host.subnets) {
    const family = cidrFamily(subnet);
    const { device, ip } = NAMES[family];
    lines.push(
      `ip link add ${device} address ${macOf(family, number)} mtu ${MTU_BYTES} type vxlan id 1 ` +
        `dev eth0 local ${addressOf(host, family)} dstport 8472 nolearning`,
      // The second is what systemd sets for all links.
      `sysctl -qw net/ipv6/conf/${device}/accept_ra=0 net/ipv4/conf/${device}/rp_filter=2`,
      `ip ${ip} addr add ${cidrAddress(subnet)}/${ADDRESS_BITS[family]} dev ${device}`,
      `ip link set ${device} up`,
    );
  }
  lab.runArgv(host.node.name, ['sh', '-ec', lines.join('\n')]);
}

/** In the order that Flannel does it. */
function addPeer(lab: TestLab, host: FlannelHost, peer: FlannelHost): void {
  const number = lab.plan.nodes.indexOf(peer.node) + 1;
  const lines = peer.subnets.flatMap((subnet) => {
    const family = cidrFamily(subnet);
    const { device, ip } = NAMES[family];
    const [gateway, mac] = [cidrAddress(subnet), macOf(family, number)];
    if (host.backend !== 'vxlan') {
      return [`ip ${ip} route replace ${subnet} via ${addressOf(peer, family)} dev eth0`];
    }
    return [
      `ip ${ip} neigh replace ${gateway} lladdr ${mac} dev ${device} nud permanent`,
      `bridge fdb replace ${mac} dev ${device} dst ${addressOf(peer, family)} self permanent`,
      `ip ${ip} route replace ${subnet} via ${gateway} dev ${device} onlink`,
    ];
  });
  lab.runArgv(host.node.name, ['sh', '-ec', lines.join('\n')]);
}

/** `--ip-masq` and `--iptables-forward-rules`, in Flannel's order. */
function makeRules(lab: TestLab, host: FlannelHost): void {
  for (const subnet of host.subnets) {
    const family = cidrFamily(subnet);
    const network = lab.plan.spec.podNetworks.find((each) => cidrFamily(each) === family);
    const multicast = family === 'ipv4' ? '224.0.0.0/4' : 'ff00::/8';
    const [masq, forward] = ['flanneld masq', 'flanneld forward'].map(
      (text) => `-m comment --comment "${text}"`,
    );
    const text = [
      '*nat',
      ':FLANNEL-POSTRTG - [0:0]',
      `-A POSTROUTING ${masq} -j FLANNEL-POSTRTG`,
      `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s ${subnet} -d ${network} ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s ${network} -d ${subnet} ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG ! -s ${network} -d ${subnet} ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s ${network} ! -d ${multicast} ${masq} -j MASQUERADE --random-fully`,
      `-A FLANNEL-POSTRTG ! -s ${network} -d ${network} ${masq} -j MASQUERADE --random-fully`,
      'COMMIT',
      '*filter',
      ':FLANNEL-FWD - [0:0]',
      `-A FORWARD ${forward} -j FLANNEL-FWD`,
      `-A FLANNEL-FWD -s ${network} ${forward} -j ACCEPT`,
      `-A FLANNEL-FWD -d ${network} ${forward} -j ACCEPT`,
      'COMMIT\n',
    ].join('\n');
    const program = family === 'ipv4' ? 'iptables-restore' : 'ip6tables-restore';
    const argv = ['netns', 'exec', lab.netns(host.node.name), program, '--noflush'];
    execFileSync('ip', argv, { input: text, stdio: ['pipe', 'pipe', 'pipe'] });
  }
}

async function publish(lab: TestLab, host: FlannelHost, number: number): Promise<void> {
  const annotations: Record<string, string> = {
    [`${PREFIX}/kube-subnet-manager`]: 'true',
    [`${PREFIX}/backend-type`]: host.backend === 'host-gw' ? 'host-gw' : 'vxlan',
  };
  for (const subnet of host.subnets) {
    const family = cidrFamily(subnet);
    const { publicIp, data } = NAMES[family];
    const vtep = { VNI: 1, VtepMAC: macOf(family, number) };
    annotations[`${PREFIX}/${publicIp}`] = addressOf(host, family) ?? '';
    annotations[`${PREFIX}/${data}`] = host.backend === 'host-gw' ? 'null' : JSON.stringify(vtep);
  }
  await lab.api.annotateNode(host.node.name, annotations);
}

export const flannelAnnotations = async (
  lab: TestLab,
  node: string,
): Promise<Readonly<Record<string, string>>> => {
  const { metadata } = await lab.api.readNode(node);
  const all = Object.entries(metadata?.annotations ?? {});
  return Object.fromEntries(all.filter(([name]) => name.startsWith(PREFIX)).sort());
};

/** What Flannel's plugin makes of its conflist and subnet.env, and where it keeps that. */
function writeFiles(lab: TestLab, { node, subnets, backend }: FlannelHost): void {
  const { cniConfDir, cniBinDir, hostLocalDir } = lab.directory.node(node.name);
  for (const directory of [cniConfDir, cniBinDir]) mkdirSync(directory, { recursive: true });
  const kept = join(dirname(hostLocalDir), 'flannel');
  const delegate = {
    ...{ cniVersion: '0.3.1', name: 'cbr0', type: 'bridge' },
    mtu: backend === 'host-gw' ? lab.plan.spec.mtuBytes : MTU_BYTES,
    ...{ hairpinMode: true, isDefaultGateway: true, isGateway: true, ipMasq: false },
    ipam: {
      type: 'host-local',
      dataDir: hostLocalDir,
      ranges: subnets.map((subnet) => [{ subnet }]),
      routes: lab.plan.spec.podNetworks.map((dst) => ({ dst })),
    },
  };
  const script = `#!/bin/sh
# Hands on to the plugin bridge what Flannel's plugin would, and keeps it for the DEL.
set -e
cat >/dev/null
mkdir -p ${kept}
conf=${kept}/$CNI_CONTAINERID
export CNI_PATH=${PLUGINS}
if [ "$CNI_COMMAND" = ADD ]; then echo '${JSON.stringify(delegate)}' >"$conf"; fi
[ -f "$conf" ] || exit 0
${PLUGINS}/bridge <"$conf"
if [ "$CNI_COMMAND" = DEL ]; then rm "$conf"; fi
`;
  const plugins = { flannel: script, portmap: `#!/bin/sh\nexec ${PLUGINS}/portmap\n` };
  for (const [name, text] of Object.entries(plugins)) {
    writeFileSync(join(cniBinDir, name), text);
    chmodSync(join(cniBinDir, name), 0o755);
  }
  const conflist = join(cniConfDir, '10-flannel.conflist');
  writeFileSync(conflist, `${JSON.stringify(CONFLIST, null, 2)}\n`);
}
