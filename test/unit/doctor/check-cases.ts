// Faults by the facts that show them, with the check that names each and what it must say.

import type { Facts } from '../../../src/doctor/facts.ts';
import { known, unknown } from '../../../src/doctor/facts.ts';
import type { CheckName } from '../../../src/doctor/names.ts';
import type { Mac } from '../../../src/net/mac.ts';
import { cidr } from '../../fake/config-from.ts';
import {
  kernelWith,
  OWN_ADDRESS,
  otherLink,
  pathWith,
  rulesOf,
  silentBy,
  statusWith,
} from '../../fake/doctor.ts';
import {
  API,
  BGP,
  input,
  kubeProxyRule,
  match,
  meta,
  payload,
  sessionWith,
} from '../../fake/doctor-parts.ts';
import { ACCEPT, DROP, REJECT } from '../../fake/ruleset.ts';

type Case = readonly [title: string, check: CheckName, change: Partial<Facts>, says: RegExp];

export const CASES: readonly Case[] = [
  ['an agent that is away', 'agent', { agent: unknown('ENOENT') }, /ENOENT/],
  [
    'an API that does not answer',
    'datastore',
    { api: known({ ...API, problem: 'ECONNREFUSED' }) },
    /ECONNREFUSED/,
  ],
  [
    'an etcd that the agent does not reach',
    'datastore',
    { datastore: 'etcd', ...statusWith({ source: { synced: true, problem: 'no answer' } }) },
    /etcd.*no answer/,
  ],
  [
    'a denied right',
    'permissions',
    { api: known({ ...API, denied: [{ action: 'patch nodes/status', isFor: 'peers' }] }) },
    /patch nodes\/status/,
  ],
  [
    'a 403 that the agent was answered',
    'permissions',
    statusWith({ source: { synced: false, problem: 'GET /api/v1/nodes: 403 Forbidden' } }),
    /403/,
  ],
  [
    'a configuration that is not in force',
    'config',
    statusWith({
      config: {
        ...{ hash: '', origin: '', backend: '' },
        problems: [{ key: 'Network', value: '"x"', message: 'not a network' }],
      },
    }),
    /Network "x"/,
  ],
  ['a clock that is ahead', 'clock', { api: known({ ...API, aheadMs: 86_400_000 }) }, /ahead of/],
  ['a clock that is behind', 'clock', { api: known({ ...API, aheadMs: -60_000 }) }, /60 s behind/],
  [
    'a kernel without VXLAN',
    'kernel-features',
    { features: known([{ feature: 'vxlan', isFor: 'x', problem: 'EOPNOTSUPP', isNeeded: true }]) },
    /vxlan.*EOPNOTSUPP/,
  ],
  [
    'a conflist before ours',
    'conflist',
    {
      cniFiles: known([
        { name: '05-cilium.conflist', network: 'cilium', plugins: ['cilium-cni'] },
        { name: '10-poplin.conflist', network: 'poplin', plugins: ['poplin'] },
      ]),
    },
    /05-cilium\.conflist/,
  ],
  ['no conflist of ours', 'conflist', { cniFiles: known([]) }, /there is none/],
  ['a bridge of Flannel', 'leftovers', kernelWith({ links: [otherLink('cni0')] }), /cni0/],
  [
    'chains of Calico',
    'leftovers',
    rulesOf([{ table: 'ip filter', name: 'cali-FORWARD' }]),
    /Calico: ip filter cali-FORWARD/,
  ],
  [
    'forwarding that is off',
    'ip-forward',
    kernelWith({ sysctls: { 'ipv4/ip_forward': '0' } }),
    /ip_forward is 0/,
  ],
  [
    'forwarding that is off on one of our links',
    'ip-forward',
    kernelWith({ sysctls: { 'ipv4/conf/poplin4-1/forwarding': '0' } }),
    /poplin4-1/,
  ],
  [
    'a strict filter on the underlay',
    'rp-filter',
    kernelWith({ sysctls: { 'ipv4/conf/eth0/rp_filter': '1' } }),
    /strict on eth0/,
  ],
  [
    'a filter that is strict on all links',
    'rp-filter',
    kernelWith({ sysctls: { 'ipv4/conf/all/rp_filter': '1', 'ipv4/conf/eth0/rp_filter': '0' } }),
    /strict on eth0/,
  ],
  [
    'a strict filter elsewhere that drops packets',
    'rp-filter',
    {
      ...kernelWith({ links: [otherLink('eth1')], sysctls: { 'ipv4/conf/eth1/rp_filter': '1' } }),
      droppedByFilter: known({ total: 90, meanwhile: 4 }),
    },
    /4 just now.*eth1/,
  ],
  [
    'a port that somebody has',
    'udp-port-taken',
    {
      ...kernelWith({ without: 'poplin4-1' }),
      udpSockets: known([{ port: 8472, holder: 'process 7 (dnsmasq)' }]),
    },
    /process 7 \(dnsmasq\)/,
  ],
  [
    'a rule that drops the port',
    'udp-port-blocked',
    input([match(payload('udp', 'dport'), { range: [8000, 9000] }), DROP]),
    /inet wall, chain in: rule drop/,
  ],
  [
    'a policy that drops all that is new',
    'udp-port-blocked',
    input([match({ ct: { key: 'state' } }, ['established', 'related'], 'in'), ACCEPT], 'drop'),
    /policy drop/,
  ],
  [
    'a rule that rejects by the underlay link',
    'udp-port-blocked',
    input([match(meta('iifname'), 'eth0'), REJECT]),
    /rule reject/,
  ],
  [
    'a rule for all links but another one',
    'udp-port-blocked',
    input([match(meta('iifname'), 'docker0', '!='), match(meta('l4proto'), 'udp'), DROP]),
    /rule drop/,
  ],
  ['VXLAN eaten on the way', 'udp-port-blocked', silentBy('vxlan', true), /node-2/],
  ['pod addresses eaten on the way', 'source-check', silentBy('host-gw', true), /by host-gw/],
  ['the same with routes of BGP', 'source-check', silentBy('bgp', true), /by bgp/],
  ['a peer that is away', 'peer-silent', silentBy('vxlan', false), /192\.168\.1\.12/],
  ['a peer of host-gw that is away', 'peer-silent', silentBy('host-gw', false), /node-2/],
  [
    'a node without conflist that is not ready',
    'node',
    { cniFiles: known([]), ...statusWith({ ready: false, problems: ['no subnet is free'] }) },
    /no subnet/,
  ],
  [
    'a firewall that drops forwarded packets',
    'forward-drop',
    rulesOf([{ table: 'ip filter', name: 'FORWARD', policy: 'drop' }]),
    /policy drop stops packets/,
  ],
  [
    'a path that takes less',
    'path-mtu',
    statusWith({ peers: [pathWith({ mtu: { foundBytes: 1350, believedBytes: 1450 } })] }),
    /1350 bytes, not 1450/,
  ],
  [
    'checksums that are wrong',
    'checksum',
    { checksums: known([{ place: 'pod a/b', protocol: 'TCP', all: 100, wrong: 40 }]) },
    /pod a\/b: 40 of 100 TCP/,
  ],
  [
    'checksums that are wrong since a moment ago',
    'checksum',
    {
      checksums: known([
        {
          ...{ place: 'the node', protocol: 'TCP', all: 1_000_000_000, wrong: 50 },
          meanwhile: { all: 120, wrong: 50 },
        },
      ]),
    },
    /the node: 50 of 1000000000 TCP/,
  ],
  [
    'checksums that were wrong, and nothing has come since',
    'checksum',
    {
      checksums: known([
        {
          ...{ place: 'the node', protocol: 'TCP', all: 100, wrong: 40 },
          meanwhile: { all: 3, wrong: 0 },
        },
      ]),
    },
    /the node: 40 of 100 TCP/,
  ],
  [
    'another machine with our address',
    'duplicate-address',
    {
      duplicates: known([{ address: OWN_ADDRESS, link: 'eth0', mac: '02:00:00:00:00:99' as Mac }]),
    },
    /192\.168\.1\.11.*02:00:00:00:00:99/,
  ],
  [
    'a node that says it has our address',
    'duplicate-address',
    statusWith({
      nodeProblems: { 'node-1': ['underlay address 192.168.1.11 is also that of node-3: x'] },
    }),
    /node-3/,
  ],
  ['another clusterCIDR', 'kube-proxy', kubeProxyRule('10.0.0.0/16'), /10\.0\.0\.0\/16/],
  [
    'another --cluster-cidr',
    'kube-proxy',
    { kubeProxy: [{ cidr: cidr('10.9.0.0/16'), seenIn: '--cluster-cidr of process 3' }] },
    /process 3/,
  ],
  ['a BIRD that is away', 'bgp', statusWith({ bgp: BGP }), /nobody listens/],
  ['a session that is down', 'bgp', sessionWith({}), /mesh_1.*Connection refused/],
  [
    'a session that waits in vain for who was there once',
    'bgp',
    sessionWith({ state: 'passive', lastError: 'Socket: Connection closed' }),
    /mesh_1.*passive; last error: Socket: Connection closed/,
  ],
  [
    'a session that waits, and is wrong at each try',
    'bgp',
    sessionWith({ state: 'passive', sinceSeconds: 3, lastError: 'BGP Error: Bad peer AS' }),
    /mesh_1.*Bad peer AS/,
  ],
  [
    'what only the agent knows',
    'node',
    statusWith({ ready: false, problems: ['no subnet is free'] }),
    /no subnet is free/,
  ],
];
