// The rules that kube-proxy has on each node of a cluster (mode iptables, three Services of two
// pods each), and the sysctl that it and kubeadm ask for: by these, packets between ports of a
// bridge are tracked and filtered too. For measuring networks as they are used.

import { mustRun, runCommand } from '../../src/lab/command.ts';
import { inNamespace } from './stage.ts';

const MASQUERADED = '0x4000/0x4000';

const SERVICES = ['10.96.0.1', '10.96.0.10', '10.96.0.11'];

const serviceRules = (address: string, index: number): readonly string[] => [
  `-A KUBE-SERVICES -d ${address}/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-${index}`,
  `-A KUBE-SVC-${index} -m statistic --mode random --probability 0.5 -j KUBE-SEP-${index}A`,
  `-A KUBE-SVC-${index} -j KUBE-SEP-${index}B`,
  `-A KUBE-SEP-${index}A -p tcp -m tcp -j DNAT --to-destination 10.99.${index}.1:6443`,
  `-A KUBE-SEP-${index}B -p tcp -m tcp -j DNAT --to-destination 10.99.${index}.2:6443`,
];

const serviceChains = (_: string, index: number): readonly string[] =>
  [`SVC-${index}`, `SEP-${index}A`, `SEP-${index}B`].map((name) => `:KUBE-${name} - [0:0]`);

const RULES = [
  '*filter',
  ':KUBE-SERVICES - [0:0]',
  ':KUBE-FORWARD - [0:0]',
  ':KUBE-PROXY-FIREWALL - [0:0]',
  '-A FORWARD -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL',
  '-A FORWARD -j KUBE-FORWARD',
  '-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES',
  '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
  `-A KUBE-FORWARD -m mark --mark ${MASQUERADED} -j ACCEPT`,
  '-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  'COMMIT',
  '*nat',
  ':KUBE-SERVICES - [0:0]',
  ':KUBE-POSTROUTING - [0:0]',
  ...SERVICES.flatMap(serviceChains),
  '-A PREROUTING -j KUBE-SERVICES',
  '-A OUTPUT -j KUBE-SERVICES',
  '-A POSTROUTING -j KUBE-POSTROUTING',
  `-A KUBE-POSTROUTING -m mark ! --mark ${MASQUERADED} -j RETURN`,
  '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
  ...SERVICES.flatMap(serviceRules),
  'COMMIT',
  '',
].join('\n');

/** `work` while these namespaces are nodes with Services. */
export async function withServices(
  namespaces: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const run = (namespace: string, argv: readonly string[], input = ''): Promise<string> =>
    mustRun(runCommand, inNamespace(namespace, argv), { input });
  for (const namespace of namespaces) {
    await run(namespace, ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1']);
    await run(namespace, ['iptables-restore'], RULES);
  }
  await work();
  for (const namespace of namespaces) {
    await run(namespace, ['nft', 'delete table ip nat; delete table ip filter']);
  }
}
