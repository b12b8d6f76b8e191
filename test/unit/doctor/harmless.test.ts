// What comes near to a fault and is none: the doctor finds nothing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { diagnose } from '../../../src/doctor/diagnose.ts';
import type { Facts } from '../../../src/doctor/facts.ts';
import { known } from '../../../src/doctor/facts.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { configFrom } from '../../fake/config-from.ts';
import { factsWith, kernelWith, otherLink, rulesOf, silentBy } from '../../fake/doctor.ts';
import {
  API,
  input,
  kubeProxyRule,
  match,
  meta,
  payload,
  sessionWith,
} from '../../fake/doctor-parts.ts';
import { ACCEPT, DROP } from '../../fake/ruleset.ts';

const VERSION = '0.1.0';
const HARMLESS: readonly (readonly [string, Partial<Facts>])[] = [
  [
    'others behind our conflist',
    {
      cniFiles: known([
        { name: '10-poplin.conflist', network: 'poplin', plugins: ['poplin'] },
        { name: '87-podman.conflist', network: 'podman', plugins: ['bridge'] },
      ]),
    },
  ],
  [
    'a strict filter that drops nothing',
    kernelWith({
      links: [otherLink('docker0')],
      sysctls: { 'ipv4/conf/docker0/rp_filter': '1' },
    }),
  ],
  [
    'a strict filter that has dropped packets once',
    {
      ...kernelWith({ links: [otherLink('eth1')], sysctls: { 'ipv4/conf/eth1/rp_filter': '1' } }),
      droppedByFilter: known({ total: 90, meanwhile: 0 }),
    },
  ],
  [
    'a drop in our own table',
    rulesOf([{ table: 'inet poplin', name: 'x', hook: 'input', policy: 'drop' }]),
  ],
  [
    'a BGP session that is up, whatever was before',
    sessionWith({ state: 'established', hint: '' }),
  ],
  [
    'a filter that is strict where a link is loose by itself',
    kernelWith({
      sysctls: { 'ipv4/conf/all/rp_filter': '1', 'ipv4/conf/poplin4-1/rp_filter': '2' },
    }),
  ],
  ['a rule for other links only', input([match(meta('iifname'), 'eth*', '!='), DROP])],
  [
    'a firewall that accepts the port first',
    rulesOf([
      {
        table: 'inet wall',
        name: 'in',
        hook: 'input',
        policy: 'drop',
        rules: [{ expr: [match(payload('udp', 'dport'), 8472), ACCEPT] }],
      },
    ]),
  ],
  [
    'a firewall that accepts peers',
    rulesOf([
      {
        table: 'inet wall',
        name: 'in',
        hook: 'input',
        policy: 'drop',
        rules: [
          {
            expr: [
              match(payload('ip', 'saddr'), { prefix: { addr: '192.168.1.0', len: 24 } }),
              ACCEPT,
            ],
          },
        ],
      },
    ]),
  ],
  ['a rule about TCP', input([match(payload('tcp', 'dport'), 8472), DROP])],
  ['a rule about another link', input([match(meta('iifname'), 'docker0'), DROP])],
  ['a rule that may match', input([match(payload('udp', 'dport'), '@ports'), DROP])],
  ['kube-proxy with our network', kubeProxyRule('10.244.0.0/16')],
  ['kube-proxy with a larger network', kubeProxyRule('10.0.0.0/8')],
  ['a port that our device has', { udpSockets: known([{ port: 8472, holder: '' }]) }],
  [
    'a port that host-gw does not need',
    {
      config: known(configFrom({ Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } })),
      ...kernelWith({ without: 'poplin4-1' }),
    },
  ],
  [
    'a few broken packets of many',
    {
      checksums: known([{ place: 'the node', protocol: 'UDP', all: 1_000_000, wrong: 9 }]),
    },
  ],
  [
    'checksums that were wrong before all was mended',
    {
      checksums: known([
        {
          ...{ place: 'the node', protocol: 'UDP', all: 400, wrong: 90 },
          meanwhile: { all: 150, wrong: 0 },
        },
      ]),
    },
  ],
  [
    'a silent peer of many, whose node was not asked',
    { ...silentBy('vxlan', true), pings: new Map([['192.168.1.77' as Ip, true]]) },
  ],
  ['a clock that is a second off', { api: known({ ...API, aheadMs: 1_400 }) }],
  ['a BGP session that has just begun', sessionWith({ sinceSeconds: 2, lastError: undefined })],
  [
    'a BGP session that waits for a node which has never been there',
    sessionWith({ state: 'passive', sinceSeconds: 600, lastError: undefined }),
  ],
  [
    'a BGP session that waits for a BIRD which restarts',
    sessionWith({ state: 'passive', sinceSeconds: 3, lastError: 'Socket: Connection closed' }),
  ],
];

describe('no finding', () => {
  for (const [title, change] of HARMLESS) {
    test(`is ${title}`, () => {
      assert.deepEqual(diagnose(factsWith(change), VERSION).findings, []);
    });
  }
});
