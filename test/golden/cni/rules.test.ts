// Rules of the specification that runtimes rely on and that a call can show: versions, results of
// plugins before us, keys that are not ours, lists of GC, what STATUS says, repeated calls.

import { test } from 'node:test';
import type { FakeCniNode } from '../../fake/cni-node.ts';
import { READY } from '../../fake/cni-node.ts';
import { matchGolden } from './golden.ts';
import type { Step } from './steps.ts';
import { runSteps } from './steps.ts';

const VERSIONS = ['0.3.1', '0.4.0', '1.0.0', '1.1.0'];
const PREVIOUS = {
  interfaces: [{ name: 'other0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/pod' }],
  ips: [{ interface: 0, address: '192.0.2.5/24' }],
  routes: [{ dst: '192.0.2.0/24' }],
  dns: { nameservers: ['192.0.2.53'] },
};
const UNKNOWN = {
  type: 'poplin',
  ipMasq: true,
  disableCheck: 'true',
  disableGC: true,
  loadOnlyInlinedPlugins: true,
  capabilities: { portMappings: true, mac: true },
  'cni.dev/attachments': [],
  args: { 'org.example': { x: 1 }, cni: { labels: [] } },
  runtimeConfig: { 'io.kubernetes.cri.pod-annotations': { a: 'b' }, aliases: ['web'] },
  whatever: [1],
};
const LISTED = [{ containerID: 'c1', ifname: 'eth0' }];
const env = (more: Readonly<Record<string, string>>) => ({ env: more });
const full = (node: FakeCniNode): void => {
  const network = { ...READY.network, subnets: ['10.244.1.0/31'] };
  Object.assign(node, { readiness: { ...READY, network } });
};
const notReady = (reason: string) => (node: FakeCniNode) =>
  Object.assign(node, { readiness: { kind: 'not-ready', reason } });

const STEPS: readonly Step[] = [
  ...[undefined, '', '0.1.0', '0.2.0', '0.3.0', '1.2.0'].map(
    (cniVersion): Step => [
      `1: ADD with cniVersion ${JSON.stringify(cniVersion)}`,
      'ADD',
      { config: { cniVersion } },
    ],
  ),
  ['1: even DEL', 'DEL', { config: { cniVersion: '0.2.0' } }],
  ...['CHECK', 'GC', 'STATUS'].flatMap((verb) =>
    VERSIONS.map(
      (cniVersion): Step => [
        `${verb} in ${cniVersion}`,
        verb,
        { config: { cniVersion, 'cni.dev/valid-attachments': [] } },
      ],
    ),
  ),
  ...VERSIONS.flatMap((cniVersion): Step[] => [
    [
      `prevResult is passed through in ${cniVersion}`,
      'ADD',
      { config: { cniVersion, prevResult: { cniVersion, ...PREVIOUS } } },
    ],
    [`and DEL takes one in ${cniVersion}`, 'DEL', { config: { cniVersion, prevResult: PREVIOUS } }],
  ]),
  ['keys of others are tolerated', 'ADD', { config: UNKNOWN }],
  ['by DEL too', 'DEL', { config: UNKNOWN }],
  [
    'everything that can be asked for',
    'ADD',
    {
      config: {
        dns: { nameservers: ['10.96.0.1'], domain: 'cluster.local' },
        runtimeConfig: {
          IPs: ['10.244.1.99/24'],
          Mac: '0A:00:00:00:00:99',
          DNS: { Servers: ['10.96.0.10'], Searches: ['svc.cluster.local'] },
          Bandwidth: { IngressRate: 1e6, IngressBurst: 2 ** 32 - 1, EgressRate: 1e6 },
        },
      },
    },
  ],
  ['102: the same again', 'ADD', { env: { CNI_ARGS: 'IP=10.244.1.98' } }],
  ['ADD again by an executable that lost the agent', 'ADD', { isRepeated: true }],
  [
    '101: another interface has the name',
    'ADD',
    env({ CNI_CONTAINERID: 'c2' }),
  ],
  ['GC keeps what the list names', 'GC', { config: { 'cni.dev/valid-attachments': LISTED } }],
  ['and by the key of before', 'GC', { config: { 'cni.dev/attachments': LISTED } }],
  [
    'GC with null, which is how Go writes an empty list',
    'GC',
    { config: { 'cni.dev/valid-attachments': null } },
  ],
  ['11: every address is taken', 'ADD', {}, full],
  ['50: every address is taken', 'STATUS', {}, full],
  ['50: no lease', 'STATUS', {}, notReady('no subnet of 10.244.0.0/16 is free')],
  [
    '999: a fault of ours',
    'ADD',
    {},
    (node) => node.host.inject({ effect: 'crash-before' }),
  ],
  ['DEL of what that left', 'DEL'],
  [
    'DEL by a configuration that somebody broke meanwhile',
    'DEL',
    { config: { dns: 'x', prevResult: [], runtimeConfig: 5, args: 1 } },
  ],
  ['DEL of what never was', 'DEL', env({ CNI_CONTAINERID: 'never' })],
  ['4: DEL without an interface', 'DEL', env({ CNI_IFNAME: '' })],
  ['4: GC without a path', 'GC', env({ CNI_PATH: '' })],
  ['4: unknown arguments', 'ADD', env({ CNI_ARGS: 'FOO=bar' })],
  ['unknown arguments with IgnoreUnknown', 'ADD', env({ CNI_ARGS: 'FOO=bar;IgnoreUnknown=true' })],
  ['and DEL does not look at them', 'DEL', env({ CNI_ARGS: 'FOO=bar' })],
  ['VERSION of an old runtime', 'VERSION', { stdin: '{"cniVersion":"0.1.0"}' }],
  ['VERSION without stdin', 'VERSION', { stdin: '' }],
];

test('rules of the specification, as a runtime sees them kept', async () => {
  matchGolden(new URL('rules.txt', import.meta.url), await runSteps(STEPS));
});

test('what GC cannot remove is told together', async () => {
  const ids = ['a', 'b', 'c'];
  const steps: Step[] = ids.map((id) => [
    `ADD of ${id}`,
    'ADD',
    env({ CNI_CONTAINERID: id }),
    ({ podKernel }) => podKernel.namespace.links.delete('eth0'),
  ]);
  steps.push([
    '100: two of three stay',
    'GC',
    { config: { 'cni.dev/valid-attachments': [] } },
    ({ host }) => host.inject({ effect: 'fail', times: 2, matches: ({ verb }) => verb === 'remove' }),
  ]);
  steps.push(['and go the next time', 'GC', { config: { 'cni.dev/valid-attachments': [] } }]);
  matchGolden(new URL('gc.txt', import.meta.url), await runSteps(steps));
});
