// A node of Flannel, played by what Flannel leaves behind: its annotations on the Node, its
// devices, and for every peer one route, one neighbour and one FDB entry (or one plain route), made
// from the peer's annotations and nothing else. Peers that name another backend are left out, as
// Flannel leaves them out. Its pod is behind a bridge cni0.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { Endpoint } from '../../src/lab/check.ts';
import { runCommand } from '../../src/lab/command.ts';
import { netnsPath } from '../../src/lab/netns.ts';
import type { LabNode } from '../../src/lab/plan.ts';
import { planLab } from '../../src/lab/plan.ts';
import { addToUnderlay } from '../../src/lab/underlay.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import {
  addressAt,
  cidrAddress,
  cidrFamily,
  cidrLengthBits,
  parseCidr,
} from '../../src/net/cidr.ts';
import type { Family } from '../../src/net/family.ts';
import type { Ip } from '../../src/net/ip.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { TestLab } from './lab.ts';

const PREFIX = 'flannel.alpha.coreos.com';
const VNI = 1;
/** With the overhead of IPv6, which Flannel does not take off. */
const MTU_BYTES = 1430;

const OF_FAMILY = {
  ipv4: { ip: '-4', device: 'flannel.1', mac: '6e:00:00:00:00:04', bits: 32 },
  ipv6: { ip: '-6', device: 'flannel-v6.1', mac: '6e:00:00:00:00:06', bits: 128 },
} as const satisfies Record<Family, object>;

const NAMES = {
  ipv4: { publicIp: 'public-ip', data: 'backend-data' },
  ipv6: { publicIp: 'public-ipv6', data: 'backend-v6-data' },
} as const satisfies Record<Family, object>;

export type FlannelBackend = 'vxlan' | 'host-gw';

export class FlannelNode {
  readonly #lab: TestLab;
  readonly #node: LabNode;
  readonly #backend: FlannelBackend;
  readonly #subnets: readonly Cidr[];

  private constructor(lab: TestLab, node: LabNode, backend: FlannelBackend) {
    this.#lab = lab;
    this.#node = node;
    this.#backend = backend;
    const number = lab.plan.nodes.length + 1;
    this.#subnets = node.addresses.flatMap((ip) => {
      const text =
        familyOf(ip) === 'ipv4' ? `10.244.20${number}.0/24` : `fd00:244:0:20${number}::/64`;
      return parseCidr(text) ?? [];
    });
  }

  /** One number behind the nodes of the lab; `lab down` removes it as well. */
  static async join(lab: TestLab, backend: FlannelBackend): Promise<FlannelNode> {
    const nodeNumbers = Array.from({ length: lab.plan.nodes.length + 1 }, (_, index) => index + 1);
    const plan = planLab({ ...lab.plan.spec, nodeNumbers });
    const node = plan.nodes.at(-1) ?? assert.fail();
    await addToUnderlay(runCommand, plan, node);
    const flannel = new FlannelNode(lab, node, backend);
    flannel.#makeDevices();
    flannel.#makePod();
    await flannel.#publish();
    return flannel;
  }

  get endpoints(): Endpoint[] {
    const { name, netns, addresses } = this.#node;
    const own = { node: name, mtuBytes: MTU_BYTES };
    const pods = this.#subnets.map((subnet) => addressAt(subnet, 2n));
    const sources = this.#subnets.flatMap((subnet) => [cidrAddress(subnet), addressAt(subnet, 1n)]);
    return [
      {
        ...{ ...own, name, kind: 'node', netns: netnsPath(netns), addresses },
        sourceAddresses: [...addresses, ...sources],
      },
      {
        ...{ ...own, name: `${name}-pod1`, kind: 'pod', netns: netnsPath(this.#podNetns) },
        ...{ addresses: pods, sourceAddresses: pods },
      },
    ];
  }

  /** What Flannel does with the annotations of one peer; false when it leaves the peer out. */
  async takePeer(name: string): Promise<boolean> {
    const { metadata, spec } = await this.#lab.api.readNode(name);
    const at = (key: string): string => metadata?.annotations?.[`${PREFIX}/${key}`] ?? '';
    if (at('kube-subnet-manager') !== 'true' || at('backend-type') !== this.#backend) return false;
    for (const text of spec?.podCIDRs ?? []) {
      const subnet = parseCidr(text) ?? assert.fail(text);
      const { publicIp, data } = NAMES[cidrFamily(subnet)];
      if (at(publicIp) === '') return false;
      this.#route(subnet, at(publicIp), at(data));
    }
    return true;
  }

  #route(subnet: Cidr, publicIp: string, data: string): void {
    const { ip, device } = OF_FAMILY[cidrFamily(subnet)];
    if (this.#backend === 'host-gw') {
      this.#run(`ip ${ip} route replace ${subnet} via ${publicIp} dev eth0`);
      return;
    }
    const { VNI: vni, VtepMAC: mac } = JSON.parse(data) as { VNI: number; VtepMAC: string };
    assert.equal(vni, VNI);
    const gateway = cidrAddress(subnet);
    this.#run(`ip ${ip} neigh replace ${gateway} lladdr ${mac} dev ${device} nud permanent`);
    this.#run(`bridge fdb replace ${mac} dev ${device} dst ${publicIp} self permanent`);
    this.#run(`ip ${ip} route replace ${subnet} via ${gateway} dev ${device} onlink`);
  }

  #makeDevices(): void {
    this.#run('sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1');
    this.#run('ip link add cni0 type bridge');
    for (const subnet of this.#subnets) {
      const { ip, device, mac, bits } = OF_FAMILY[cidrFamily(subnet)];
      const flag = cidrFamily(subnet) === 'ipv6' ? ' nodad' : '';
      this.#run(`ip addr add ${addressAt(subnet, 1n)}/${cidrLengthBits(subnet)} dev cni0${flag}`);
      if (this.#backend !== 'vxlan') continue;
      const local = this.#underlay(cidrFamily(subnet));
      this.#run(
        `ip link add ${device} address ${mac} mtu 1450 type vxlan id ${VNI} dev eth0 ` +
          `local ${local} dstport 8472 nolearning`,
      );
      this.#run(`ip ${ip} addr add ${cidrAddress(subnet)}/${bits} dev ${device}${flag}`);
      this.#run(`ip link set ${device} up`);
    }
    this.#run('ip link set cni0 up');
  }

  #makePod(): void {
    const netns = this.#podNetns;
    ip(`netns add ${netns}`);
    this.#run(`ip link add veth0 type veth peer name eth0 netns ${netns}`);
    this.#run('ip link set veth0 master cni0 up');
    ip(`-n ${netns} link set lo up`);
    ip(`-n ${netns} link set eth0 mtu ${MTU_BYTES} up`);
    for (const subnet of this.#subnets) {
      const flag = cidrFamily(subnet) === 'ipv6' ? ' nodad' : '';
      const address = `${addressAt(subnet, 2n)}/${cidrLengthBits(subnet)}`;
      ip(`-n ${netns} addr add ${address} dev eth0${flag}`);
      ip(`-n ${netns} route add default via ${addressAt(subnet, 1n)} dev eth0`);
    }
  }

  async #publish(): Promise<void> {
    const annotations: Record<string, string> = {
      [`${PREFIX}/kube-subnet-manager`]: 'true',
      [`${PREFIX}/backend-type`]: this.#backend,
    };
    for (const address of this.#node.addresses) {
      const family = familyOf(address);
      const data = JSON.stringify({ VNI, VtepMAC: OF_FAMILY[family].mac });
      annotations[`${PREFIX}/${NAMES[family].publicIp}`] = address;
      annotations[`${PREFIX}/${NAMES[family].data}`] = this.#backend === 'vxlan' ? data : 'null';
    }
    const spec = { podCIDR: this.#subnets[0] ?? '', podCIDRs: [...this.#subnets] };
    const { name, addresses } = this.#node;
    await this.#lab.api.createNode(name, addresses, { metadata: { annotations }, spec });
  }

  get #podNetns(): string {
    return `${this.#node.netns}-pod1`;
  }

  #underlay(family: Family): Ip {
    return this.#node.addresses.find((ip) => familyOf(ip) === family) ?? assert.fail(family);
  }

  #run(commandLine: string): void {
    ip(`netns exec ${this.#node.netns} ${commandLine}`);
  }
}

const ip = (commandLine: string): string =>
  execFileSync('ip', commandLine.split(' '), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
