// Network namespaces on one network, with a bridge between them: nodes that speak BGP, each with
// the addresses of test/fake/bgp.ts, and routers of somebody else. `using` takes them away.

import { execFileSync } from 'node:child_process';
import { addressesOf, subnetsOf } from '../../fake/bgp.ts';
import { TestNamespace } from '../namespaces.ts';

/** A network of namespaces with a bridge between them. */
export class Segment implements Disposable {
  readonly #bridge = new TestNamespace('bgc-sw');
  readonly #members: TestNamespace[] = [];

  constructor() {
    this.#bridge.run('ip link add br0 type bridge');
    this.#bridge.run('ip link set br0 up');
  }

  join(label: string, addresses: readonly string[]): TestNamespace {
    const member = new TestNamespace(`bgc-${label}`);
    this.#members.push(member);
    const words = ['link', 'add', 'eth0', 'netns', member.name, 'type', 'veth'];
    execFileSync('ip', [...words, 'peer', 'name', label, 'netns', this.#bridge.name]);
    this.#bridge.run(`ip link set ${label} master br0 up`);
    member.run('ip link set lo up');
    for (const address of addresses) {
      const options = address.includes(':') ? ' nodad' : '';
      member.run(`ip addr add ${address} dev eth0${options}`);
    }
    member.run('ip link set eth0 up');
    return member;
  }

  [Symbol.dispose](): void {
    for (const each of [...this.#members, this.#bridge]) each[Symbol.dispose]();
  }
}

export function joinNode(segment: Segment, number: number): TestNamespace {
  const [ipv4, ipv6] = addressesOf(number);
  const node = segment.join(`n${number}`, [`${ipv4}/24`, `${ipv6}/64`]);
  for (const subnet of subnetsOf(number)) {
    node.run(`ip addr add ${subnet.replace(/\/\d+$/, '')} dev lo`);
  }
  return node;
}
