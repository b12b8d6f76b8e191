// Calls and what the runtime gets for them, exit code and stdout, for each verb, each version of
// the specification and each error code.

import { test } from 'node:test';
import { renderNftTable } from '../../../src/desired/nft-table.ts';
import type { FakeCall, FakeCniNode } from '../../fake/cni-node.ts';
import { READY } from '../../fake/cni-node.ts';
import { configFrom, DUAL_STACK } from '../../fake/config-from.ts';
import { matchGolden } from './golden.ts';
import type { Step } from './steps.ts';
import { runSteps } from './steps.ts';

const version = (cniVersion: string, more: object = {}): FakeCall => ({
  config: { cniVersion, ...more },
});

const PREV = { interfaces: [{ name: 'eth0', sandbox: '/x' }], ips: [{ address: '10.244.1.6/32' }] };

/** The agent's own work: host ports are elements of its maps. */
function loadMaps({ host }: FakeCniNode): void {
  const value = renderNftTable({ config: configFrom(DUAL_STACK), ownSubnets: [] });
  host.touch([{ verb: 'add', object: 'nft-table', value }]);
}

const withPort = (container: string, mapping: object): FakeCall => ({
  env: {
    CNI_CONTAINERID: container,
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=${container}`,
  },
  config: { runtimeConfig: { portMappings: [mapping] } },
});

const STEPS: readonly Step[] = [
  ...['0.3.1', '0.4.0', '1.0.0', '1.1.0'].flatMap((cniVersion): Step[] => [
    [`ADD in ${cniVersion}`, 'ADD', version(cniVersion)],
    [`DEL in ${cniVersion}`, 'DEL', version(cniVersion)],
  ]),
  ['DEL again, without a namespace', 'DEL', { env: { CNI_NETNS: '' } }],
  ['VERSION', 'VERSION'],
  ['STATUS', 'STATUS'],
  ['1: a version that is not known', 'ADD', version('2.0.0')],
  ['1: CHECK before it was invented', 'CHECK', version('0.3.1')],
  ['2: a device of choice', 'ADD', { config: { runtimeConfig: { deviceID: '0000:05:00.0' } } }],
  ['7: an address of others', 'ADD', { env: { CNI_ARGS: 'IgnoreUnknown=1;IP=10.0.0.9' } }],
  ['3: no container', 'ADD', { env: { CNI_CONTAINERID: '' } }],
  ['4: no interface', 'ADD', { env: { CNI_IFNAME: '' } }],
  ['4: no such command', 'UPDATE'],
  ['5: a full disk', 'ADD', {}, ({ files }) => Object.assign(files, { refusal: 'ENOSPC' })],
  ['50: a full disk', 'STATUS', {}, ({ files }) => Object.assign(files, { refusal: 'ENOSPC' })],
  ['6: no JSON', 'ADD', { stdin: '{"cniVersion":' }],
  ['7: no name', 'ADD', { config: { name: '' } }],
  ['7: CHECK without prevResult', 'CHECK'],
  ['7: GC without a list', 'GC'],
  ['8: the namespace of the node', 'ADD', { env: { CNI_NETNS: '/run/netns/host' } }],
  ['8: no namespace', 'ADD', { env: { CNI_NETNS: '/run/netns/none' } }],
  [
    '11: not ready',
    'ADD',
    {},
    (node) => Object.assign(node, { readiness: { kind: 'not-ready', reason: 'no subnet yet' } }),
  ],
  [
    '50: not ready',
    'STATUS',
    {},
    (node) => Object.assign(node, { readiness: { kind: 'not-ready', reason: 'no subnet yet' } }),
  ],
  [
    '51: degraded',
    'STATUS',
    {},
    (node) => Object.assign(node, { readiness: { ...READY, kind: 'degraded', reason: 'peer x' } }),
  ],
  [
    '100: the kernel refuses',
    'ADD',
    {},
    ({ host }) => host.inject({ effect: 'fail', matches: ({ object }) => object === 'route' }),
  ],
  ['a host port', 'ADD', withPort('web', { hostPort: 8080, containerPort: 80 }), loadMaps],
  ['104: another pod has it', 'ADD', withPort('api', { hostPort: 8080, containerPort: 8000 })],
  [
    '104: on one address, too',
    'ADD',
    withPort('api', { hostPort: 8080, containerPort: 8000, hostIP: '192.0.2.1' }),
  ],
  ['DEL of the one that has it', 'DEL', withPort('web', {})],
  ['104 no more', 'ADD', withPort('api', { hostPort: 8080, containerPort: 8000 })],
  ['DEL of the other', 'DEL', withPort('api', {})],
  ['ADD', 'ADD'],
  ['102: ADD again', 'ADD'],
  ['103: CHECK with the addresses of another', 'CHECK', { config: { prevResult: PREV } }],
  ['GC of what is not listed', 'GC', { config: { 'cni.dev/valid-attachments': [] } }],
  ['103: CHECK of what is gone', 'CHECK', { config: { prevResult: PREV } }],
];

test('the answers to all kinds of calls', async () => {
  matchGolden(new URL('transcript.txt', import.meta.url), await runSteps(STEPS));
});
