// What a runtime asks for a pod: from which place it counts, how it may be spelled, and what is
// said of a wish that nobody can meet.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseRequest } from '../../../src/cni/request.ts';

type Asked = {
  readonly args?: string;
  readonly config?: Readonly<Record<string, unknown>>;
};

function parse({ args = '', config }: Asked, verb = 'ADD'): ReturnType<typeof parseRequest> {
  const environment = new Map([
    ['CNI_COMMAND', verb],
    ['CNI_CONTAINERID', 'c1'],
    ['CNI_NETNS', '/run/netns/x'],
    ['CNI_IFNAME', 'eth0'],
    ['CNI_PATH', '/opt/cni/bin'],
    ['CNI_ARGS', args],
  ]);
  const stdin = Buffer.from(JSON.stringify({ cniVersion: '1.0.0', name: 'poplin', ...config }));
  return parseRequest({ environment, stdin, hasNetns: true, isRepeated: false });
}

function understood(asked: Asked) {
  const parsed = parse(asked);
  assert.ok(parsed.kind === 'request' && parsed.request.verb === 'ADD', JSON.stringify(parsed));
  return parsed.request;
}

const addressesOf = (asked: Asked): string[] =>
  understood(asked).requests.addresses.map(({ key, address }) => `${key} ${address}`);

const runtime = (runtimeConfig: object): Asked => ({ config: { runtimeConfig } });

describe('a requested address', () => {
  const ofArgs = { args: { cni: { ips: ['10.244.1.8'], mac: '02:00:00:00:00:08' } } };
  const args = 'IP=10.244.1.7;MAC=02:00:00:00:00:07';

  test('of runtimeConfig goes before one of args, and that before one of CNI_ARGS', () => {
    const ofRuntime = { ips: ['10.244.1.9'], mac: '02:00:00:00:00:09' };
    const cases = [
      [{ args }, 'CNI_ARGS IP 10.244.1.7', '07'],
      [{ args, config: ofArgs }, 'args.cni.ips 10.244.1.8', '08'],
      [
        { args, config: { ...ofArgs, runtimeConfig: ofRuntime } },
        'runtimeConfig.ips 10.244.1.9',
        '09',
      ],
      [
        { args, config: { ...ofArgs, runtimeConfig: { ips: [], mac: '' } } },
        'args.cni.ips 10.244.1.8',
        '08',
      ],
    ] as const;
    for (const [asked, address, mac] of cases) {
      assert.deepEqual(addressesOf(asked), [address]);
      assert.equal(understood(asked).requests.mac, `02:00:00:00:00:${mac}`);
    }
  });

  test('may have a length, another spelling, and a key in any letter case', () => {
    assert.deepEqual(addressesOf(runtime({ IPs: ['10.244.1.9/24', 'FD00:10:244:1::0009'] })), [
      'runtimeConfig.ips 10.244.1.9',
      'runtimeConfig.ips fd00:10:244:1::9',
    ]);
    assert.equal(
      understood(runtime({ Mac: '0A:BB:cc:00:00:01' })).requests.mac,
      '0a:bb:cc:00:00:01',
    );
    assert.deepEqual(addressesOf({ args: 'IP=10.244.1.9/24,fd00::9' }).length, 2);
  });

  test('is not looked at by other verbs', () => {
    for (const verb of ['DEL', 'CHECK']) {
      const parsed = parse({ args: 'IP=x;MAC=y', ...runtime({ ips: 5, bandwidth: 7 }) }, verb);
      assert.equal(parsed.kind, 'request', verb);
    }
  });
});

describe('a request is refused, by key and value,', () => {
  const cases: readonly [string, Asked, number, RegExp][] = [
    [
      'for no address',
      runtime({ ips: ['10.244.1'] }),
      7,
      /runtimeConfig\.ips is "10\.244\.1"; .*10\.244\.1\.9/,
    ],
    ['for a length that is none', runtime({ ips: ['10.244.1.9/33'] }), 7, /10\.244\.1\.9\/33/],
    ['for addresses that are no list', runtime({ ips: 5 }), 7, /runtimeConfig\.ips is 5; .*a list/],
    [
      'for two of a family',
      runtime({ ips: ['10.1.0.2', '10.1.0.3'] }),
      7,
      /one address of each family/,
    ],
    ['for an address in CNI_ARGS', { args: 'IP=ten' }, 4, /CNI_ARGS IP is "ten"/],
    ['for an Ethernet address in CNI_ARGS', { args: 'MAC=x' }, 4, /CNI_ARGS MAC is "x"/],
    [
      'for a group',
      runtime({ mac: '01:00:5e:00:00:01' }),
      7,
      /runtimeConfig\.mac is "01:.*unicast/,
    ],
    ['for no Ethernet address', runtime({ mac: '00:00:00:00:00:00' }), 7, /unicast/],
    ['for a number', runtime({ mac: 5 }), 7, /runtimeConfig\.mac is 5/],
    ['for args', { config: { args: { cni: { mac: 'x' } } } }, 7, /args\.cni\.mac is "x"/],
    ['for DNS that is a list', runtime({ dns: [] }), 7, /runtimeConfig\.dns is \[\]/],
    [
      'for DNS servers that are none',
      runtime({ dns: { Servers: [1] } }),
      7,
      /runtimeConfig\.dns\.servers is \[1\]/,
    ],
    [
      'for a DNS file',
      { config: { dns: { search: 'x' } } },
      7,
      /dns\.search is "x"; .*list of texts/,
    ],
    ['for a DNS domain', { config: { dns: { domain: 1 } } }, 7, /dns\.domain is 1/],
    ['for bandwidth', runtime({ bandwidth: 1000 }), 7, /runtimeConfig\.bandwidth is 1000/],
    [
      'for a negative rate',
      runtime({ bandwidth: { ingressRate: -1 } }),
      7,
      /bandwidth\.ingressRate is -1/,
    ],
    [
      'for a rate below a byte',
      runtime({ bandwidth: { EgressRate: 7 } }),
      7,
      /bandwidth\.egressRate is 7/,
    ],
    ['for half a bit', runtime({ bandwidth: { egressRate: 8.5 } }), 7, /egressRate is 8\.5/],
    [
      'for a burst in words',
      runtime({ bandwidth: { egressBurst: 'x' } }),
      7,
      /egressBurst is "x"; .*34359738367/,
    ],
    [
      'for a burst too large',
      runtime({ bandwidth: { ingressBurst: 2 ** 35 } }),
      7,
      /ingressBurst is 34359738368/,
    ],
  ];
  for (const [what, asked, code, text] of cases) {
    test(what, () => {
      const parsed = parse(asked);
      assert.ok(parsed.kind === 'failed', JSON.stringify(parsed));
      assert.equal(parsed.failure.code, code);
      assert.match(parsed.failure.details ?? '', text);
    });
  }
});

describe('rates', () => {
  const bandwidthOf = (bandwidth: object) => understood(runtime({ bandwidth })).requests.bandwidth;

  test('are taken in either spelling, with the bursts that runtimes send', () => {
    const containerd = {
      IngressRate: 1e6,
      IngressBurst: 2 ** 32 - 1,
      EgressRate: 0,
      EgressBurst: 0,
    };
    assert.deepEqual(bandwidthOf(containerd), {
      ingress: { bitsPerSecond: 1e6, burstBits: 2 ** 32 - 1 },
    });
    assert.deepEqual(bandwidthOf({ egressRate: 8, egressBurst: 2 ** 35 - 9 }), {
      egress: { bitsPerSecond: 8, burstBits: 2 ** 35 - 9 },
    });
  });

  test('of 0 are none, whatever their burst', () => {
    assert.equal(bandwidthOf({ ingressRate: 0, ingressBurst: 5 }), undefined);
    assert.equal(bandwidthOf({}), undefined);
  });
});

test('DNS settings of the runtime go before those of the file, member by member', () => {
  const dns = { nameservers: ['10.0.0.1'], search: ['a'], domain: 'd', options: ['o'] };
  const runtimeConfig = { DNS: { Servers: ['10.0.0.2'], Searches: [], options: null } };
  const merged = { ...dns, nameservers: ['10.0.0.2'] };
  assert.deepEqual(understood({ config: { dns, runtimeConfig } }).config.dns, merged);
});
