// What usually is wrong with a node's network, one thing at a time: each breaks a lab node really,
// says which check of the doctor must find it, alone, and mends it again.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { globSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckName } from '../../src/doctor/names.ts';
import {
  bindTo,
  openInetSocket,
  SOCK_DGRAM,
  SOCK_RAW,
  sendDatagram,
} from '../../src/kernel/inet-socket.ts';
import { closeSocket } from '../../src/kernel/libc.ts';
import { inNetns, openNetns } from '../../src/kernel/netns.ts';
import { encodeSocketAddress } from '../../src/kernel/socket-address.ts';
import type { NetConf } from '../../src/lab/cluster-api.ts';
import { netnsPath } from '../../src/lab/netns.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { DoctorSettings } from './doctor.ts';
import type { TestLab } from './lab.ts';
import { until } from './lab.ts';
import type { OwnApi } from './own-api.ts';

export const NODE = 'node1';
export const PEER = 'node2';

export type Scene = { readonly lab: TestLab; readonly api: OwnApi };

type Mend = () => unknown;

export type Scenario = {
  readonly check: CheckName;
  readonly title: string;
  /** What its text must name. */
  readonly says: RegExp;
  readonly settings?: () => DoctorSettings;
  /** Returns what mends it. */
  break(scene: Scene): Promise<Mend> | Mend;
};

export function load(netns: string, text: string): void {
  execFileSync('ip', ['netns', 'exec', netns, 'nft', '-f', '-'], { input: text });
}

const table = (name: string, text: string): Pick<Scenario, 'break'> => ({
  break: ({ lab }) => {
    load(lab.netns(NODE), `table ${name} {\n${text}\n}\n`);
    return () => lab.run(NODE, `nft delete table ${name}`);
  },
});

async function putNetConf({ lab }: Scene, change: NetConf): Promise<Mend> {
  const before = await lab.datastore.netConfText();
  await lab.datastore.putNetConf(JSON.stringify({ ...JSON.parse(before), ...change }));
  return () => lab.datastore.putNetConf(before);
}

/** What another machine of the network has: its address, and an answer to whoever asks for it. */
function twin(lab: TestLab, address: string): Mend {
  const netns = `${lab.plan.spec.name}-twin`;
  const bridge = lab.node(NODE).segment.bridge;
  execFileSync('ip', ['netns', 'add', netns]);
  const words = `link add twin type veth peer name eth0 netns ${netns}`;
  lab.runIn(lab.plan.fabricNetns, ['ip', ...words.split(' ')]);
  lab.runIn(lab.plan.fabricNetns, ['ip', 'link', 'set', 'twin', 'master', bridge, 'up']);
  for (const line of [`address add ${address}/24 dev eth0`, 'link set eth0 up']) {
    lab.runIn(netns, ['ip', ...line.split(' ')]);
  }
  return () => {
    lab.runIn(lab.plan.fabricNetns, ['ip', 'link', 'del', 'twin']);
    execFileSync('ip', ['netns', 'del', netns]);
    // Whoever has learned the twin's Ethernet address asks anew.
    for (const place of [lab.netns(PEER), lab.plan.fabricNetns]) {
      lab.runIn(place, ['ip', 'neigh', 'flush', 'to', address]);
    }
  };
}

/** A second link to the same network, by which a peer sends and no answer leaves. */
async function asymmetricPath(lab: TestLab): Promise<Mend> {
  const { fabricNetns } = lab.plan;
  const bridge = lab.node(NODE).segment.bridge;
  const words = `link add second type veth peer name eth1 netns ${lab.netns(NODE)}`;
  lab.runIn(fabricNetns, ['ip', ...words.split(' ')]);
  lab.runIn(fabricNetns, ['ip', 'link', 'set', 'second', 'master', bridge, 'up']);
  lab.run(NODE, 'ip link set eth1 address 02:00:00:00:99:01 up');
  lab.run(NODE, 'ip address add 172.31.9.1/24 dev eth1');
  lab.run(NODE, 'sysctl -qw net.ipv4.conf.eth1.rp_filter=1');
  lab.run(PEER, 'ip route add 172.31.9.1 dev eth0');
  lab.run(PEER, 'ip neigh add 172.31.9.1 dev eth0 lladdr 02:00:00:00:99:01');
  const ping = spawn('ip', [
    ...['netns', 'exec', lab.netns(PEER), 'ping', '-q', '-i', '0.05', '-W', '1', '172.31.9.1'],
  ]);
  await until('packets are dropped', () => {
    const [names = '', values = ''] = lab
      .run(NODE, 'grep ^TcpExt: /proc/net/netstat')
      .trim()
      .split('\n');
    const at = names.split(' ').indexOf('IPReversePathFilter');
    return Number(values.split(' ')[at]) > 0;
  });
  return () => {
    ping.kill();
    lab.run(PEER, 'ip route del 172.31.9.1 dev eth0');
    lab.run(PEER, 'ip neigh del 172.31.9.1 dev eth0');
    lab.runIn(fabricNetns, ['ip', 'link', 'del', 'second']);
  };
}

/** What a card that computes checksums wrongly puts on the wire. */
function sendWrongChecksums(lab: TestLab): Mend {
  const [from, to] = lab.plan.pods.map(({ name }) => name);
  assert.ok(from !== undefined && to !== undefined);
  const receiver = lab.plan.pods.find(({ node }) => node === NODE)?.name ?? to;
  const sender = receiver === from ? to : from;
  const { fd } = openNetns(netnsPath(lab.netns(sender)));
  inNetns(fd, () => {
    const socket = openInetSocket('ipv4', SOCK_RAW, 17);
    const datagram = Buffer.alloc(16);
    datagram.writeUInt16BE(5000, 0);
    datagram.writeUInt16BE(5001, 2);
    datagram.writeUInt16BE(datagram.length, 4);
    datagram.writeUInt16BE(0xbad1, 6);
    const address = encodeSocketAddress({ address: lab.podAddress(receiver) as Ip, port: 0 });
    for (let count = 0; count < 20; count += 1) sendDatagram(socket, datagram, address);
    closeSocket(socket);
  });
  closeSocket(fd);
  return () => undefined;
}

/** A PATH on which nothing is: the doctor itself is started by its own path. */
const EMPTY_PATH = { PATH: '/nonexistent' };

const FIREWALLD = `
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state established,related accept
    iifname "docker0" accept
    reject with icmpx admin-prohibited
  }`;

const KUBE_PROXY = `
  chain mark-for-masquerade {
    mark set mark or 0x4000
  }
  chain service-X-default/kubernetes/tcp/https {
    ip daddr 10.96.0.1 tcp dport 443 ip saddr != 10.200.0.0/16 jump mark-for-masquerade
  }`;

const PORT = 4790;

/** For a doctor whose wall clock alone is wrong. */
export function aDayAhead(): Readonly<Record<string, string>> {
  const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
  assert.ok(library !== undefined, "Debian's package faketime is not there");
  const only = { FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' };
  return { LD_PRELOAD: library, FAKETIME: '+1d', NO_FAKE_STAT: '1', ...only };
}

export const SCENARIOS: readonly Scenario[] = [
  {
    ...{ check: 'leftovers', title: "Flannel's devices", says: /flannel\.7.*|cni0/ },
    break: ({ lab }) => {
      lab.run(NODE, 'ip link add flannel.7 type vxlan id 7 dstport 4789 local 127.0.0.1');
      lab.run(NODE, 'ip link add cni0 type bridge');
      return () => ['flannel.7', 'cni0'].map((name) => lab.run(NODE, `ip link del ${name}`));
    },
  },
  {
    ...{ check: 'leftovers', title: "Calico's devices", says: /vxlan\.calico.*caliabc/ },
    break: ({ lab }) => {
      lab.run(NODE, 'ip link add vxlan.calico type vxlan id 4096 dstport 4789 local 127.0.0.1');
      lab.run(NODE, 'ip link add caliabc type veth peer name there');
      return () => ['vxlan.calico', 'caliabc'].map((name) => lab.run(NODE, `ip link del ${name}`));
    },
  },
  {
    ...{ check: 'leftovers', title: "kindnet's rules", says: /kindnet/ },
    ...table('inet kindnet', 'chain postrouting {\n type nat hook postrouting priority 90;\n }'),
  },
  {
    ...{ check: 'conflist', title: "another network's conflist", says: /05-x\.conflist/ },
    break: ({ lab }) => {
      const path = join(lab.directory.node(NODE).cniConfDir, '05-x.conflist');
      writeFileSync(path, '{"name":"x","plugins":[{"type":"bridge"}]}');
      return () => rmSync(path);
    },
  },
  {
    ...{ check: 'kube-proxy', title: 'another clusterCIDR', says: /10\.200\.0\.0\/16/ },
    ...table('ip kube-proxy', KUBE_PROXY),
  },
  {
    ...{ check: 'forward-drop', title: 'firewalld', says: /firewalld.*reject/ },
    ...table('inet firewalld', FIREWALLD),
  },
  {
    ...{ check: 'udp-port-blocked', title: 'a rule of this node', says: /8472.*wall/ },
    ...table(
      'inet wall',
      `chain in {
        type filter hook input priority -5
        iifname "eth*" meta l4proto udp udp dport 8472 drop
      }`,
    ),
  },
  {
    ...{ check: 'rp-filter', title: 'a strict filter on a second link', says: /eth1/ },
    break: ({ lab }) => asymmetricPath(lab),
  },
  {
    ...{ check: 'duplicate-address', title: 'a twin', says: /another machine on eth0/ },
    break: ({ lab }) => twin(lab, lab.node(NODE).addresses[0] ?? assert.fail()),
  },
  {
    ...{ check: 'clock', title: 'a wall clock that is a day ahead', says: /86\d\d\d s ahead/ },
    settings: () => ({ environment: aDayAhead() }),
    break: () => () => undefined,
  },
  {
    ...{ check: 'permissions', title: 'a role that lacks a right', says: /patch nodes\/status/ },
    break: ({ api }) => api.server.permissions.deny('patch nodes/status'),
  },
  {
    ...{ check: 'config', title: 'a broken edit', says: /Network/ },
    break: (scene) => putNetConf(scene, { Network: '10.244.0.0/33' }),
  },
  {
    ...{ check: 'udp-port-taken', title: 'a socket that has the port', says: /4790/ },
    break: async (scene) => {
      const { fd } = openNetns(netnsPath(scene.lab.netns(NODE)));
      const socket = inNetns(fd, () => {
        const opened = openInetSocket('ipv4', SOCK_DGRAM);
        const anywhere = encodeSocketAddress({ address: '0.0.0.0' as Ip, port: PORT });
        assert.equal(bindTo(opened, anywhere), 0);
        return opened;
      });
      closeSocket(fd);
      const restore = await putNetConf(scene, { Backend: { Type: 'vxlan', Port: PORT } });
      return async () => {
        closeSocket(socket);
        await restore();
      };
    },
  },
  {
    ...{ check: 'kernel-features', title: 'no nft', says: /nft/ },
    settings: () => ({ environment: EMPTY_PATH }),
    break: () => () => undefined,
  },
  {
    ...{ check: 'datastore', title: 'an API that is away', says: /503|busy/ },
    break: ({ api }) =>
      api.server.faults.add({
        matches: () => true,
        effect: {
          kind: 'refuse',
          refusal: { code: 503, reason: 'ServiceUnavailable', message: 'busy' },
        },
      }),
  },
];

export const CHECKSUM: Scenario = {
  ...{ check: 'checksum', title: 'wrong checksums on the wire', says: /20 of \d+ UDP/ },
  break: ({ lab }) => sendWrongChecksums(lab),
};
