// A star for tests of the reachability check: each endpoint is a namespace behind one router, whose
// rules and MTUs the tests spoil. Nothing of Poplin's is in it.

import type { Endpoint } from '../../../src/lab/check.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { TestNamespace } from '../namespaces.ts';

export const STAR_NAMES = ['node1', 'node2', 'node1-pod1', 'node2-pod1'] as const;
export type StarName = (typeof STAR_NAMES)[number];

const MTU_BYTES = 1500;

export class Star implements Disposable {
  readonly router: TestNamespace;
  readonly endpoints: readonly Endpoint[];
  readonly #namespaces: TestNamespace[] = [];

  constructor() {
    this.router = this.#add('router');
    for (const file of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) {
      this.router.run(`tee /proc/sys/net/${file}`, '1');
    }
    this.endpoints = STAR_NAMES.map((name, index) => this.#connect(name, index + 1));
  }

  /** Those with the given names only. */
  only(...names: readonly StarName[]): Endpoint[] {
    return this.endpoints.filter(({ name }) => names.some((wanted) => wanted === name));
  }

  /** Rules in the router; `postrouting` and `forward` chains are there. */
  rules(text: string): void {
    this.router.run(
      'nft -f -',
      `table inet t {
         chain forward { type filter hook forward priority 0; }
         chain postrouting { type nat hook postrouting priority 100; }
       }
       ${text}\n`,
    );
  }

  /** As it was made: no rules, every MTU as at first and no path MTU remembered. */
  reset(): void {
    this.router.run('nft flush ruleset');
    for (const [index] of STAR_NAMES.entries()) {
      this.router.run(`ip link set port${index + 1} mtu ${MTU_BYTES}`);
    }
    this.router.run('ip route flush type unreachable');
    this.router.run('ip -6 route flush type prohibit');
    for (const namespace of this.#namespaces) {
      namespace.run('ip route flush cache');
      namespace.run('ip -6 route flush cache');
    }
  }

  [Symbol.dispose](): void {
    for (const namespace of this.#namespaces) namespace[Symbol.dispose]();
  }

  #add(label: string): TestNamespace {
    const namespace = new TestNamespace(`pp-${label}`);
    this.#namespaces.push(namespace);
    return namespace;
  }

  #connect(name: StarName, number: number): Endpoint {
    const namespace = this.#add(name);
    const [v4, v6] = [`10.9.${number}`, `fd00:9:${number}:`];
    this.router.run(
      'ip -batch -',
      `link add port${number} type veth peer name eth0 netns ${namespace.name}
       address add ${v4}.1/24 dev port${number}
       address add ${v6}:1/64 dev port${number} nodad
       link set port${number} up\n`,
    );
    namespace.run(
      'ip -batch -',
      `link set lo up
       address add ${v4}.2/24 dev eth0
       address add ${v6}:2/64 dev eth0 nodad
       link set eth0 up
       route add default via ${v4}.1
       route add default via ${v6}:1\n`,
    );
    const addresses = [`${v4}.2` as Ip, `${v6}:2` as Ip];
    return {
      name,
      kind: name.includes('pod') ? 'pod' : 'node',
      node: name.slice(0, 'node1'.length),
      netns: namespace.path,
      addresses,
      sourceAddresses: addresses,
      mtuBytes: MTU_BYTES,
    };
  }
}
